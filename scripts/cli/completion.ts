import { Argument, Command } from "commander";
import type { CliIo } from "./cli-io.ts";
import { makeCompletionScript, type Shell, shells } from "./completion-script.ts";

/** `tollgate completion` */
export function makeCompletionCommand(io: CliIo, program: Command): Command {
  return new Command("completion")
    .description("Print the completion script of a shell: source <(tollgate completion bash)")
    .addArgument(new Argument("<shell>", "bash, zsh or fish").choices(shells))
    .action((shell: Shell) => io.out(makeCompletionScript(program, shell)));
}
