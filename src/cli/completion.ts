import { Argument, Command } from 'commander'
import { completionScript, SHELLS, type Shell } from './completion-scripts.ts'
import { withExamples } from './help.ts'

/** `sluice completion`: a script that lets a shell complete the commands and options there are. */

export function completionCommand(buildProgram: () => Promise<Command>): Command {
  const command = new Command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .action(async (shell: Shell) => {
      process.stdout.write(completionScript(shell, await buildProgram()))
    })
  return withExamples(command, [
    'completion bash > ~/.local/share/bash-completion/completions/sluice',
    'completion zsh > ~/.zfunc/_sluice',
    'completion fish > ~/.config/fish/completions/sluice.fish',
  ])
}
