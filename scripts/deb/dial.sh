#!/bin/sh
# Runs pppd or nmcli for the gateway, which may not itself (sandpiper-dial@.service). Its standard input and output are the gateway's connection.
# Asked:     each argument on a line of its own, the program first, then an empty line. The end of the connection ends all that was started.
# Answered:  `1 LINE` and `2 LINE`, what it prints to its standard output and error; at last `exit CODE`, as a shell counts: 126 may not be
#            started, 127 is not there, 128 + signal. `refused WHY` when it is not what may be asked for.
set -fu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL

refuse() {
  echo "refused $1"
  exit 0
}

# Names of peers are files of /etc/ppp/peers, never paths; those of connections and devices are no options.
is_peer() { case $1 in '' | .* | -* | *[!A-Za-z0-9._-]*) return 1 ;; esac; }
is_name() { case $1 in '' | -*) return 1 ;; esac; }
is_number() { case $1 in '' | *[!0-9]* | ??????*) return 1 ;; esac; }
is_general() { case $1 in GENERAL.*[!A-Z0-9-]*) return 1 ;; GENERAL.?*) ;; *) return 1 ;; esac; }

may() {
  case $1 in
    pppd) [ $# = 7 ] && is_peer "$3" && [ "$2/$4/$5/$6/$7" = call/nodetach/nopersist/logfd/1 ] ;;
    nmcli)
      shift
      case $#:$1 in
        6:--wait) is_number "$2" && [ "$3 $4 $5" = 'connection up id' ] && is_name "$6" ;;
        4:connection) [ "$2 $3" = 'down id' ] && is_name "$4" ;;
        6:-g) is_general "$2" && [ "$3 $4 $5" = 'connection show id' ] && is_name "$6" ;;
        5:-g) is_general "$2" && [ "$3 $4" = 'device show' ] && is_name "$5" ;;
        *) false ;;
      esac
      ;;
    *) false ;;
  esac
}

set --
while IFS= read -r argument && [ -n "$argument" ]; do
  [ $# -lt 8 ] || refuse 'too many arguments'
  set -- "$@" "$argument"
done
[ $# -gt 0 ] && may "$@" || refuse "the gateway may not run this: $*"

# When the connection closes this shell is ended, and systemd ends what it has left: first asked, then killed. What carries the program's words
# stays for its last ones, and the connection is open (5) as long as anything runs.
exec 5>&1 6<&0
{ while read -r _; do :; done; kill $$; } <&6 5>&- 6>&- &
code=$(
  trap '' TERM
  { { { (trap - TERM; exec "$@") </dev/null 3>&- 4>&- 6>&-; echo $? >&4; } 2>&3 3>&- | sed -u 's/^/1 /' >&5; } 3>&1 | sed -u 's/^/2 /' >&5; } 4>&1
)
echo "exit $code"
