# An apt of the build's own, for $ARCH: it knows no installed package and touches nothing of the machine's. Sourced by the steps that fetch packages.
#
# The mirror is the one that the machine's own Debian sources name; releases are fixed here, because the image's are (userland of trixie, kernel of
# trixie-backports: README.md says why).
apt=$WORK/apt-$ARCH
mkdir -p "$apt"/{lists/partial,cache/archives/partial,none}
: > "$apt/status"
keys=/usr/share/keyrings/debian-archive-keyring.gpg

repository() {
  apt-get indextargets --format '$(ORIGIN)/$(LABEL)/$(COMPONENT) $(REPO_URI)' 'Created-By: Packages' | sed -n "s#^Debian/$1/main ##p" | head -1
}
mirror=$(repository Debian)
security=$(repository Debian-Security)
[ -n "$mirror" ] && [ -n "$security" ] || { echo "image: this machine has no sources of Debian's packages and of their security updates: see /etc/apt/sources.list.d" >&2; exit 1; }

# sources NAME… prints lines of a sources.list for these releases, in the form that mmdebstrap and apt read.
sources() {
  local release
  for release in "$@"; do
    case $release in
      *-security) printf 'deb [arch=%s signed-by=%s] %s %s main non-free-firmware\n' "$ARCH" "$keys" "$security" "$release" ;;
      *) printf 'deb [arch=%s signed-by=%s] %s %s main non-free-firmware\n' "$ARCH" "$keys" "$mirror" "$release" ;;
    esac
  done
}
apt() {
  "apt-$1" -o APT::Architecture="$ARCH" -o APT::Architectures="$ARCH" -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::State::status="$apt/status" \
    -o Dir::Cache="$apt/cache" -o Dir::Log="$apt" -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts="$apt/none" -o Dir::Etc::preferencesparts="$apt/none" \
    -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=2 "${@:2}"
}
