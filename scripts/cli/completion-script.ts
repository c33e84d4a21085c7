import type { Command } from "commander";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** A command of the program, with what may stand behind it. */
interface Place {
  /** `/keys/create`; the program itself is `""`. */
  path: string;
  words: { word: string; description: string }[];
  /** Options with a value: its choices, or `null` for any. */
  values: { option: string; choices: readonly string[] | null }[];
}

function listPlaces(command: Command, path = ""): Place[] {
  const commands = command.commands.filter((child) => child.name() !== "help");
  const options = command.options.filter((option) => option.long !== undefined && option.long !== null);
  const [argument] = command.registeredArguments;
  const choices = commands.length === 0 ? (argument?.argChoices ?? []) : [];
  return [
    {
      path,
      words: [
        ...commands.map((child) => ({ word: child.name(), description: child.description() })),
        ...choices.map((word) => ({ word, description: "" })),
        ...options.map((option) => ({ word: option.long ?? "", description: option.description })),
        { word: "--help", description: "display help for command" },
      ],
      values: options
        .filter((option) => option.required || option.optional)
        .map((option) => ({ option: option.long ?? "", choices: option.argChoices ?? null })),
    },
    ...commands.flatMap((child) => listPlaces(child, `${path}/${child.name()}`)),
  ];
}

/** The completion script of a shell, generated from the commands themselves. It runs nothing: what it offers is in it. */
export function makeCompletionScript(program: Command, shell: Shell): string {
  const places = listPlaces(program);
  return { bash: makeBash, zsh: makeZsh, fish: makeFish }[shell](places);
}

/** Inside single quotes, in all three shells but for fish's backslash. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function makeCases(
  places: readonly Place[],
  offer: (words: readonly string[]) => string,
  offerFiles: string,
): { walk: string; values: string; words: string } {
  const paths = places.map((place) => place.path).filter((path) => path !== "");
  const values = places.flatMap((place) =>
    place.values.map(({ option, choices }) => {
      const action = choices === null ? offerFiles : offer(choices);
      return `    ${quote(`${place.path} ${option}`)}) ${action}; return ;;`;
    }),
  );
  const words = places.map((place) => `    ${quote(place.path)}) ${offer(place.words.map(({ word }) => word))} ;;`);
  return { walk: paths.map(quote).join(" | "), values: values.join("\n"), words: words.join("\n") };
}

function makeBash(places: readonly Place[]): string {
  // No `mapfile`: the bash of macOS has none. Without an answer, readline offers files.
  const offer = (words: readonly string[]) => `COMPREPLY=($(compgen -W ${quote(words.join(" "))} -- "$current"))`;
  const { walk, values, words } = makeCases(places, offer, ":");
  return `# Completion of tollgate for bash: source <(tollgate completion bash)
_tollgate() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" at="" word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at/$word" in
      ${walk}) at="$at/$word" ;;
    esac
  done
  case "$at $previous" in
${values}
  esac
  case "$at" in
${words}
  esac
}
complete -o default -F _tollgate tollgate
`;
}

function makeZsh(places: readonly Place[]): string {
  const offer = (words: readonly string[]) => `compadd -- ${words.map(quote).join(" ")}`;
  const { walk, values, words } = makeCases(places, offer, "_files");
  return `#compdef tollgate
# Completion of tollgate for zsh: tollgate completion zsh > "\${fpath[1]}/_tollgate"
_tollgate() {
  local previous="\${words[CURRENT-1]}" at="" word
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at/$word" in
      ${walk}) at="$at/$word" ;;
    esac
  done
  case "$at $previous" in
${values}
  esac
  case "$at" in
${words}
  esac
  _files
}
if [ "$funcstack[1]" = "_tollgate" ]; then _tollgate; else compdef _tollgate tollgate; fi
`;
}

function makeFish(places: readonly Place[]): string {
  const fishQuote = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`;
  const paths = places.map((place) => place.path).filter((path) => path !== "");
  const lines = places.flatMap((place) => {
    const here = `complete -c tollgate -n ${fishQuote(`__tollgate_at ${fishQuote(place.path)}`)}`;
    return place.words.map(({ word, description }) => {
      const told = description === "" ? "" : ` -d ${fishQuote(description)}`;
      if (!word.startsWith("--")) return `${here} -f -a ${fishQuote(word)}${told}`;
      const value = place.values.find(({ option }) => option === word);
      const argument =
        value === undefined ? "" : value.choices === null ? " -r" : ` -x -a ${fishQuote(value.choices.join(" "))}`;
      return `${here} -l ${word.slice(2)}${argument}${told}`;
    });
  });
  return `# Completion of tollgate for fish: tollgate completion fish > ~/.config/fish/completions/tollgate.fish
function __tollgate_at
  set -l at ''
  for word in (commandline -opc)[2..-1]
    if contains -- "$at/$word" ${paths.map(fishQuote).join(" ")}
      set at "$at/$word"
    end
  end
  test "$at" = "$argv[1]"
end
${lines.join("\n")}
`;
}
