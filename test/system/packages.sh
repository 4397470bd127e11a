# shellcheck shell=bash
# What the distributions' checkers and package managers say of the packages themselves.

deb_of() { ls "$packages"/platdumpfs_*_"$1".deb; }
rpm_of() { ls "$packages"/platdumpfs-*."$1".rpm; }

no_lintian_errors() { not grep -E '^[EW]:' <<< "$(lintian --allow-root "$1" 2>&1)"; }
no_rpmlint_errors() { not grep -E ': [EW]:' <<< "$(rpmlint -c "$project/packaging/rpm/rpmlint.toml" "$1" 2>&1)"; }
no_setuid_file() { is '' find "$1" -perm /6000; }

for arch in amd64 ppc64el; do ok "lintian has nothing to say of $arch" no_lintian_errors "$(deb_of $arch)"; done
for arch in x86_64 ppc64le; do ok "rpmlint has nothing to say of $arch" no_rpmlint_errors "$(rpm_of $arch)"; done

rpm_root=$work/rpm
mkdir -p "$rpm_root"
in_rpm_root() { rpm --root "$rpm_root" --dbpath /var/lib/rpm "$@"; }
in_rpm_root --initdb
ok 'the rpm installs in an empty root' in_rpm_root -i --nodeps --noscripts "$(rpm_of x86_64)"
ok 'rpm finds every file as it was packed' in_rpm_root -V --nodeps platdumpfs
ok 'no file of the rpm is set-user-id' no_setuid_file "$rpm_root"
ok 'the program of the rpm runs' has '^platdumpfs [0-9]' node "$rpm_root/usr/lib/platdumpfs/bin/platdumpfs" --version
ok 'the program of the rpm loads koffi' has '^ok +koffi' node "$rpm_root/usr/lib/platdumpfs/bin/platdumpfs" doctor /tmp
ok 'the rpm is erased' in_rpm_root -e --nodeps --noscripts platdumpfs
ok 'the rpm leaves no file' is '' find "$rpm_root/usr" -name '*platdumpfs*'

# The tarball, with a registry that does not answer.
npm_root=$work/npm
mkdir -p "$npm_root"
ok 'the npm tarball installs without a network' \
    npm install --offline --no-audit --no-fund --registry http://127.0.0.1:9 --prefix "$npm_root" "$packages"/platdumpfs-*.tgz
ok 'the program of the tarball loads koffi' has '^ok +koffi' "$npm_root/node_modules/.bin/platdumpfs" doctor /tmp
ok 'no file of the tarball is set-user-id' no_setuid_file "$npm_root"
