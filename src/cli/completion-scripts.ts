import type { Command } from 'commander'
import { type CommandNode, commandTree, nodesOf, type OptionNode, type ValueNode } from './command-tree.ts'

/**
 * Scripts that complete commands, options and their values. They hold the whole tree as it is now, so that completing
 * starts no process; whoever installs another version makes them anew.
 */

export const SHELLS = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof SHELLS)[number]

const SCRIPTS: Readonly<Record<Shell, (root: CommandNode) => string>> = { bash, zsh, fish }

export function completionScript(shell: Shell, program: Command): string {
  return SCRIPTS[shell](commandTree(program))
}

/** Values that are places on disk, by what stands for them in `--help`. */
const isPath = ({ name }: ValueNode) => /FILE|PATH|OLD|NEW/.test(name)

const flagsOf = ({ short, long }: OptionNode) => [short, long].filter(flag => flag !== '')

/** What may come behind the words of a command. */
function wordsBehind(node: CommandNode): string[] {
  return [
    ...node.children.map(child => child.path.at(-1) ?? ''),
    ...node.arguments.flatMap(argument => argument.choices),
    ...node.options.flatMap(flagsOf),
  ]
}

const ownKey = (node: CommandNode) => ['sluice', ...node.path].join(' ')

/** For bash 4 and later. The words before the cursor say which command it is; the word before it, whether a value is due. */
function bash(root: CommandNode): string {
  const nodes = nodesOf(root)
  const commands = nodes.filter(node => node.path.length > 0).map(node => `'${ownKey(node)}') command="$longer" ;;`)
  const values = nodes.flatMap(node =>
    node.options
      .filter(option => option.name !== '')
      .map(option => {
        const patterns = flagsOf(option).map(flag => `'${ownKey(node)} ${flag}'`)
        return `${patterns.join(' | ')}) ${bashValue(option)}; return ;;`
      }),
  )
  const words = nodes.map(node => {
    const files = node.arguments.some(isPath) ? '; files=1' : ''
    return `'${ownKey(node)}') words='${wordsBehind(node).join(' ')}'${files} ;;`
  })
  return `# bash completion for sluice: made by \`sluice completion bash\`
_sluice() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  local command='sluice' longer='' words='' files='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    longer="$command $word"
    case "$longer" in
${indent(commands, 6)}
    esac
  done
  COMPREPLY=()
  case "$command $previous" in
${indent(values, 4)}
  esac
  case "$command" in
${indent(words, 4)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ -n $files && $current != -* ]] && mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$current")
  return 0
}
complete -o filenames -F _sluice sluice
`
}

function bashValue(option: OptionNode): string {
  if (option.choices.length > 0) return `COMPREPLY=($(compgen -W '${option.choices.join(' ')}' -- "$current"))`
  return isPath(option) ? 'mapfile -t COMPREPLY < <(compgen -f -- "$current")' : ':'
}

/** One function for each command, as `_arguments` of zsh has it. */
function zsh(root: CommandNode): string {
  const functions = nodesOf(root).map(node => (node.children.length > 0 ? zshGroup(node) : zshLeaf(node)))
  return `#compdef sluice
# zsh completion for sluice: made by \`sluice completion zsh\`

${functions.join('\n\n')}

if [ "$funcstack[1]" = "_sluice" ]; then
  _sluice "$@"
else
  compdef _sluice sluice
fi
`
}

const zshName = (node: CommandNode) => ['_sluice', ...node.path].join('_').replaceAll('-', '_')

function zshGroup(node: CommandNode): string {
  const names = node.children.map(child => `'${child.path.at(-1)}:${zshText(child.description)}'`)
  const cases = node.children.map(child => `${child.path.at(-1)}) ${zshName(child)} ;;`)
  return `${zshName(node)}() {
  local line state
  _arguments -C \\
${indent([...node.options.flatMap(zshOption), "'1: :->command'", "'*:: :->rest'"], 4, ' \\')}
  case $state in
    command)
      local -a commands=(
${indent(names, 8)}
      )
      _describe command commands
      ;;
    rest)
      case $line[1] in
${indent(cases, 8)}
      esac
      ;;
  esac
}`
}

function zshLeaf(node: CommandNode): string {
  const values = node.arguments.map(argument => `':${argument.name}:${zshValue(argument)}'`)
  return `${zshName(node)}() {
  _arguments \\
${indent([...node.options.flatMap(zshOption), ...values], 4, ' \\')}
}`
}

function zshOption(option: OptionNode): string[] {
  const text = `[${zshText(option.description)}]`
  const value = option.name === '' ? '' : `:${option.name}:${zshValue(option)}`
  return flagsOf(option).map(flag => `'*${flag}${text}${value}'`)
}

function zshValue(value: ValueNode): string {
  if (value.choices.length > 0) return `(${value.choices.join(' ')})`
  return isPath(value) ? '_files' : ' '
}

/** Within single quotes, brackets and colons. */
function zshText(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, String.raw`\$&`).replaceAll("'", `'\\''`)
}

/** One line for each thing that can be completed, with the condition under which it is. */
function fish(root: CommandNode): string {
  const lines = nodesOf(root).flatMap(node => {
    const where = fishCondition(node, root)
    return [
      ...node.children.map(
        child => `complete -c sluice -f -n ${where} -a ${child.path.at(-1)} -d ${fishText(child.description)}`,
      ),
      ...node.arguments
        .filter(argument => argument.choices.length > 0)
        .map(argument => `complete -c sluice -f -n ${where} -a ${fishText(argument.choices.join(' '))}`),
      ...node.options.map(option => `complete -c sluice -n ${where} ${fishOption(option)}`),
    ]
  })
  return `# fish completion for sluice: made by \`sluice completion fish\`\ncomplete -c sluice -f\n${lines.join('\n')}\n`
}

/** Which words have to be there, and which must not be there yet. */
function fishCondition(node: CommandNode, root: CommandNode): string {
  if (node === root) return '__fish_use_subcommand'
  const seen = node.path.map(word => `__fish_seen_subcommand_from ${word}`)
  const below = node.children.map(child => child.path.at(-1) ?? '')
  const unseen = below.length === 0 ? [] : [`not __fish_seen_subcommand_from ${below.join(' ')}`]
  return `'${[...seen, ...unseen].join('; and ')}'`
}

function fishOption(option: OptionNode): string {
  const flags = [option.short.replace(/^-/, '-s '), option.long.replace(/^--/, '-l ')].filter(flag => flag !== '')
  return `${flags.join(' ')} -d ${fishText(option.description)}${fishValue(option)}`
}

function fishValue(option: OptionNode): string {
  if (option.name === '') return ''
  if (option.choices.length > 0) return ` -x -a ${fishText(option.choices.join(' '))}`
  return isPath(option) ? ' -r -F' : ' -x'
}

function fishText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`
}

function indent(lines: readonly string[], columns: number, joint = ''): string {
  return lines.map(line => ' '.repeat(columns) + line).join(`${joint}\n`)
}
