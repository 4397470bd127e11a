import { SOURCE_NAMES } from './option-table.js';
import type { Operand } from './help.js';
import { VERBS } from './help.js';
import type { AnyOption, Verb } from './option-kinds.js';
import { longName } from './option-kinds.js';
import { optionsOf } from './parse-options.js';

/*
 * What each shell has to know, from the tables that `--help` is made of: commands, options, values, and what runs now. A
 * listing touches no firmware, and shows nothing that lockdown hides; a mount that hangs costs a second.
 */

const verbs = Object.keys(VERBS) as Verb[];

const MOUNTPOINTS = 'findmnt -lno TARGET -t fuse.platdumpfs 2>/dev/null';
const TAGS = `${MOUNTPOINTS} | while read -r mountpoint; do timeout 1 ls -- "$mountpoint" 2>/dev/null; done`;

/** What may be completed behind an option, or as an operand. */
interface Candidates {
  readonly words: readonly string[];
  readonly paths: 'files' | 'directories' | 'none';
  readonly running: 'mountpoints' | 'tags' | 'none';
}

const NOTHING: Candidates = { words: [], paths: 'none', running: 'none' };

const OF_OPERAND: Record<Operand, Candidates> = {
  source: { ...NOTHING, words: SOURCE_NAMES },
  directory: { ...NOTHING, paths: 'directories' },
  mountpoint: { ...NOTHING, running: 'mountpoints' },
  tag: { ...NOTHING, running: 'tags' },
};

/** `auto|none|DIR` is two words and directories. Undefined: takes no value. */
function candidatesOf(key: string, option: AnyOption): Candidates | undefined {
  if (option.kind === 'flag') return undefined;
  if (key === 'mountpoint') return OF_OPERAND.mountpoint;
  if (option.metavar === 'TAG') return OF_OPERAND.tag;
  const parts = option.metavar.split('|');
  const paths = parts.includes('DIR') ? 'directories' : /PATH|FILE/.test(option.metavar) ? 'files' : 'none';
  return { ...NOTHING, words: parts.filter((part) => /^[a-z][a-z-]*$/.test(part)), paths };
}

function both(one: Candidates, other: Candidates): Candidates {
  return {
    words: [...one.words, ...other.words],
    paths: one.paths === 'none' ? other.paths : one.paths,
    running: one.running === 'none' ? other.running : one.running,
  };
}

function operandsOf(verb: Verb): Candidates {
  return VERBS[verb].operands.map((operand) => OF_OPERAND[operand]).reduce(both, NOTHING);
}

// --- bash ---

export function bashCompletion(): string {
  const options = verbs.map((verb) => {
    const words = optionsOf(verb).map(([key]) => `--${longName(key)}`);
    return `        ${verb}) options='${words.join(' ')}' ;;\n`;
  });
  const values = verbs.flatMap((verb) =>
    optionsOf(verb).flatMap(([key, option]) => {
      const candidates = candidatesOf(key, option);
      const pattern = `${verb}:--${longName(key)}`;
      return candidates === undefined ? [] : [`        ${pattern}) ${inBash(candidates)} ;;\n`];
    }),
  );
  const operands = verbs.map((verb) => `        ${verb}) ${inBash(operandsOf(verb))} ;;\n`);
  return `# bash completion of platdumpfs; belongs into /usr/share/bash-completion/completions/platdumpfs
_platdumpfs_mountpoints() { ${MOUNTPOINTS}; }
_platdumpfs_tags() { ${TAGS}; }
_platdumpfs_offer() { mapfile -t COMPREPLY < <(compgen "$@" -- "$current"); }
_platdumpfs() {
    local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} verb=\${COMP_WORDS[1]} options=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        _platdumpfs_offer -W '${verbs.join(' ')} help --help --version'
        return
    fi
    # readline cuts --option=value at the sign.
    if [ "$current" = = ]; then
        current=
    elif [ "$previous" = = ]; then
        previous=\${COMP_WORDS[COMP_CWORD-2]}
    fi
    case $verb:$previous in
${values.join('')}        *) previous= ;;
    esac
    [ -z "$previous" ] || return 0
    case $verb in
${options.join('')}    esac
    case $current in
        -*) _platdumpfs_offer -W "$options"; return ;;
    esac
    case $verb in
${operands.join('')}        help) _platdumpfs_offer -W '${verbs.join(' ')}' ;;
    esac
}
complete -F _platdumpfs platdumpfs
`;
}

function inBash({ words, paths, running }: Candidates): string {
  const list = [...words, ...(running === 'none' ? [] : [`$(_platdumpfs_${running})`])].join(' ');
  const action = { files: '-f ', directories: '-d ', none: '' }[paths];
  return list === '' && action === '' ? ':' : `_platdumpfs_offer ${action}-W "${list}"`;
}

// --- zsh ---

export function zshCompletion(): string {
  const described = verbs.map((verb) => `    '${verb}:${forZsh(VERBS[verb].about)}'`);
  const cases = verbs.map((verb) => {
    const options = optionsOf(verb).map(([key, option]) => {
      const candidates = candidatesOf(key, option);
      const value = candidates === undefined ? '' : `:${longName(key)}:${inZsh(candidates)}`;
      const again = option.kind === 'repeated' ? '*' : '';
      return `            '${again}--${longName(key)}${candidates === undefined ? '' : '='}[${forZsh(option.summary)}]${value}'`;
    });
    const operand = `            '*:operand:${inZsh(operandsOf(verb))}'`;
    return `        ${verb}) _arguments \\\n${[...options, operand].join(' \\\n')} ;;\n`;
  });
  return `#compdef platdumpfs
# zsh completion of platdumpfs; belongs into /usr/share/zsh/vendor-completions/_platdumpfs
_platdumpfs_mountpoints() { ${MOUNTPOINTS}; }
_platdumpfs_tags() { ${TAGS}; }
_platdumpfs_choose() {
    local kind=$1; shift
    local -a words=("$@")
    case $kind in
        *-mountpoints) words+=(\${(f)"$(_platdumpfs_mountpoints)"}) ;;
        *-tags) words+=(\${(f)"$(_platdumpfs_tags)"}) ;;
    esac
    (( $#words )) && compadd -- $words
    case $kind in
        files-*) _files ;;
        directories-*) _files -/ ;;
    esac
}
_platdumpfs() {
    local -a verbs=(
${described.join('\n')}
    'help:Shows the options of a command.'
    )
    if (( CURRENT == 2 )); then
        _describe command verbs
        return
    fi
    local verb=\${words[2]}
    shift words
    (( CURRENT-- ))
    case $verb in
${cases.join('')}        help) _describe command verbs ;;
    esac
}
_platdumpfs "$@"
`;
}

function inZsh({ words, paths, running }: Candidates): string {
  return `{_platdumpfs_choose ${[`${paths}-${running}`, ...words].join(' ')}}`;
}

function forZsh(text: string): string {
  return text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, '\\$&');
}

// --- fish ---

export function fishCompletion(): string {
  const lines = verbs.flatMap((verb) => [
    `complete -c platdumpfs -n __fish_use_subcommand -a ${verb} -d ${forFish(VERBS[verb].about)}`,
    ...optionsOf(verb).map(([key, option]) => {
      const candidates = candidatesOf(key, option);
      const short = option.short === undefined ? '' : ` -s ${option.short}`;
      const value = candidates === undefined ? '' : ` -r${inFish(candidates)}`;
      return `${only(verb)}${short} -l ${longName(key)}${value} -d ${forFish(option.summary)}`;
    }),
    `${only(verb)}${inFish(operandsOf(verb))}`,
    `complete -c platdumpfs -n '__fish_seen_subcommand_from help' -a ${verb}`,
  ]);
  return `# fish completion of platdumpfs; belongs into /usr/share/fish/vendor_completions.d/platdumpfs.fish
function __platdumpfs_mountpoints
    ${MOUNTPOINTS}
end
function __platdumpfs_tags
    for mountpoint in (__platdumpfs_mountpoints)
        timeout 1 ls -- $mountpoint 2>/dev/null
    end
end
function __platdumpfs_verb
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end
complete -c platdumpfs -f
complete -c platdumpfs -n __fish_use_subcommand -a help -d 'Shows the options of a command.'
${lines.join('\n')}
`;
}

function only(verb: Verb): string {
  return `complete -c platdumpfs -n '__platdumpfs_verb ${verb}'`;
}

function inFish({ words, paths, running }: Candidates): string {
  const list = [...words];
  if (running !== 'none') list.push(`(__platdumpfs_${running})`);
  if (paths === 'directories') list.push('(__fish_complete_directories (commandline -ct))');
  const offered = list.length === 0 ? '' : ` -a '${list.join(' ')}'`;
  return `${paths === 'files' ? ' -F' : ' -f'}${offered}`;
}

function forFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
