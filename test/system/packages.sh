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

# Where the shells of Fedora, RHEL and SLES look, as shells of this machine find it there. fish wants the program as well.
bash_completes() { XDG_DATA_DIRS=$rpm_root/usr/share bash -c '. /usr/share/bash-completion/bash_completion; _completion_loader platdumpfs; complete -p platdumpfs'; }
zsh_completes() { zsh -f -c 'fpath=("$1/usr/share/zsh/site-functions" $fpath); autoload -Uz compinit; compinit -D -u; print $_comps[platdumpfs]' zsh "$rpm_root"; }
fish_completes() { PATH=$PATH:$rpm_root/usr/bin HOME=$work XDG_DATA_DIRS=$rpm_root/usr/share fish -c 'complete -C "platdumpfs sa"'; }
ok 'bash completes from the rpm' has 'platdumpfs$' bash_completes
ok 'zsh completes from the rpm' is _platdumpfs zsh_completes
ok 'fish completes from the rpm' has '^save' fish_completes
ok 'the rpm is erased' in_rpm_root -e --nodeps --noscripts platdumpfs
ok 'the rpm leaves no file' is '' find "$rpm_root/usr" "$rpm_root/etc" -name '*platdumpfs*'

# The tarball, with a registry that does not answer.
npm_root=$work/npm
mkdir -p "$npm_root"
ok 'the npm tarball installs without a network' \
    npm install --offline --no-audit --no-fund --registry http://127.0.0.1:9 --prefix "$npm_root" "$packages"/platdumpfs-*.tgz
ok 'the program of the tarball loads koffi' has '^ok +koffi' "$npm_root/node_modules/.bin/platdumpfs" doctor /tmp
ok 'no file of the tarball is set-user-id' no_setuid_file "$npm_root"
