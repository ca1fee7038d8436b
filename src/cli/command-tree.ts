import type { Argument, Command, Option } from 'commander'

/** What commands there are and what they take, as plain data: for completion, and for the test of the documentation. */

export interface CommandNode {
  /** Words from behind `sluice`: `start`, `config show`; empty for `sluice` itself. */
  readonly path: readonly string[]
  readonly description: string
  readonly options: readonly OptionNode[]
  readonly arguments: readonly ValueNode[]
  readonly children: readonly CommandNode[]
}

export interface ValueNode {
  /** What stands for it in `--help`, such as `FILE`; empty where there is no value. */
  readonly name: string
  /** All that it may be; empty where it may be anything. */
  readonly choices: readonly string[]
}

export interface OptionNode extends ValueNode {
  /** `-c`; empty where there is none. */
  readonly short: string
  readonly long: string
  readonly description: string
}

export function commandTree(command: Command, path: readonly string[] = []): CommandNode {
  const help = command.createHelp()
  return {
    path,
    description: command.description(),
    options: help.visibleOptions(command).map(optionNode),
    arguments: command.registeredArguments.map(argumentNode),
    children: command.commands.map(child => commandTree(child, [...path, child.name()])),
  }
}

/** The command and all below it. */
export function nodesOf(node: CommandNode): CommandNode[] {
  return [node, ...node.children.flatMap(nodesOf)]
}

function optionNode({ short, long, flags, description, argChoices }: Option): OptionNode {
  const name = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1] ?? ''
  return { short: short ?? '', long: long ?? '', description, name, choices: argChoices ?? [] }
}

function argumentNode(argument: Argument): ValueNode {
  return { name: argument.name(), choices: argument.argChoices ?? [] }
}
