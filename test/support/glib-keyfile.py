# Reads key files as NetworkManager does, with GLib: for each path on standard input one line of JSON, group -> key -> value, undone of its escapes.
import json
import sys

from gi.repository import GLib

for line in sys.stdin:
    file = GLib.KeyFile()
    file.load_from_file(line.rstrip("\n"), GLib.KeyFileFlags.NONE)
    groups = file.get_groups()[0]
    print(json.dumps({group: {key: file.get_string(group, key) for key in file.get_keys(group)[0]} for group in groups}), flush=True)
