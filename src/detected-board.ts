// Which board this machine is, for `board: auto`. Quick, because a start waits for it: of the profiles only those are read as YAML that have one
// of this machine's strings in them.
import { allProfiles, profilesNaming } from './config/board-profile.ts'
import { detectBoard } from './board/detect.ts'
import { readStrings } from './board/sysfs.ts'

/** Id of a profile; null when nothing is known of this machine. `root` stands before /proc and /sys. Never throws for what a machine may say. */
export function detectedBoard(root = ''): string | null {
  const compatible = readStrings(`${root}/proc/device-tree/compatible`)
  const quick = detectBoard(root, profilesNaming(compatible)).id
  // An arm64 board that no string tells may be told by its model.
  return quick === 'generic-arm64' ? detectBoard(root, allProfiles()).id : quick
}
