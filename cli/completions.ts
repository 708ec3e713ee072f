/**
 * `pktinfo completions`: what makes shells complete commands, options, protocols and interfaces.
 *
 * @module
 */

import { type Command, type Option, optionsOf, UsageError, type Values } from "./command.ts";
import type { Io } from "./io.ts";

const SHELLS = { bash, zsh, fish } as const;

/** Names this host's interfaces, for the shell. */
const INTERFACES = "pktinfo interfaces --names 2>/dev/null";

/** The command. */
export function completionsCommand(commands: () => readonly Command[]): Command {
  return {
    name: "completions",
    summary: "prints the completion script of a shell",
    about: `
Prints what makes a shell complete the commands and options of pktinfo, and the
names of interfaces.`,
    words: { usage: "bash|zsh|fish", min: 1, max: 1, choices: Object.keys(SHELLS) },
    options: {},
    notes: `
To install it:
  pktinfo completions bash > ~/.local/share/bash-completion/completions/pktinfo
  pktinfo completions zsh  > "\${fpath[1]}/_pktinfo"
  pktinfo completions fish > ~/.config/fish/completions/pktinfo.fish`,
    status: "0, or 2 for wrong usage.",
    run(_values: Values, [shell]: readonly string[], io: Io) {
      if (!Object.hasOwn(SHELLS, shell)) {
        throw new UsageError(
          `there is no script for ${JSON.stringify(shell)}, but for ${
            Object.keys(SHELLS).join(", ")
          }`,
        );
      }
      io.out(SHELLS[shell as keyof typeof SHELLS](commands()));
      return Promise.resolve(0);
    },
  };
}

/** `-i`, `--interface` */
function flags(name: string, { short }: Option): string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${name}`];
}

/** In single quotes, as all three shells read them. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function bash(commands: readonly Command[]): string {
  const values = commands.flatMap((command) =>
    optionsOf(command).filter(([, { value }]) => value !== undefined).map(([name, option]) => {
      const patterns = flags(name, option).map((flag) => `"${command.name} ${flag}"`).join(" | ");
      const reply = option.complete === "interface"
        ? `COMPREPLY=($(compgen -W "$(${INTERFACES})" -- "$cur")); `
        : option.complete === "file"
        ? `COMPREPLY=($(compgen -f -- "$cur")); `
        : "";
      return `    ${patterns}) ${reply}return ;;`;
    })
  );
  const words = commands.map((command) => {
    const options = optionsOf(command).flatMap(([name, option]) => flags(name, option));
    const choices = command.words?.choices ?? [];
    return `    ${command.name}) options="${options.join(" ")}" choices="${choices.join(" ")}" ;;`;
  });
  return `# bash completion for pktinfo
_pktinfo() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
  local command="\${COMP_WORDS[1]}" options="" choices=""
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "${
    commands.map(({ name }) => name).join(" ")
  } help --help --version" -- "$cur"))
    return
  fi
  case "$command $prev" in
${values.join("\n")}
  esac
  case "$command" in
${words.join("\n")}
  esac
  if [[ $cur == -* ]]; then choices=$options; fi
  COMPREPLY=($(compgen -W "$choices" -- "$cur"))
}
complete -F _pktinfo pktinfo
`;
}

function zsh(commands: readonly Command[]): string {
  const escape = (text: string) => text.replaceAll(/[\\\[\]:]/g, "\\$&");
  const described = commands.map(({ name, summary }) =>
    `    ${quoted(`${name}:${escape(summary)}`)}`
  );
  const cases = commands.map((command) => {
    const specs = optionsOf(command).map(([name, option]) => {
      const all = flags(name, option);
      const many = option.many ? "*" : all.length > 1 ? `(${all.join(" ")})` : "";
      const names = all.length > 1 ? `{${all.join(",")}}` : all[0];
      const action = option.complete === "interface"
        ? "_pktinfo_interfaces"
        : option.complete === "file"
        ? "_files"
        : " ";
      const value = option.value === undefined ? "" : `:${option.value}:${action}`;
      return `      ${many === "" ? "" : quoted(many)}${names}${
        quoted(`[${escape(option.help)}]${value}`)
      }`;
    });
    const choices = command.words?.choices;
    if (choices) specs.push(`      ${quoted(`*: :(${choices.join(" ")})`)}`);
    return `    ${command.name}) _arguments -s \\\n${specs.join(" \\\n")} ;;`;
  });
  return `#compdef pktinfo
_pktinfo_interfaces() {
  local -a names
  names=(\${(f)"$(${INTERFACES})"})
  compadd -a names
}
_pktinfo() {
  local -a commands
  commands=(
${described.join("\n")}
  )
  if ((CURRENT == 2)); then
    _describe -t commands command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _pktinfo ]]; then _pktinfo "$@"; else compdef _pktinfo pktinfo; fi
`;
}

function fish(commands: readonly Command[]): string {
  const lines = ["# fish completion for pktinfo", "complete -c pktinfo -f"];
  for (const command of commands) {
    lines.push(
      `complete -c pktinfo -n __fish_use_subcommand -a ${command.name} -d ${
        quoted(command.summary)
      }`,
    );
    const when = `complete -c pktinfo -n '__fish_seen_subcommand_from ${command.name}'`;
    for (const [name, { short, value, help, complete }] of optionsOf(command)) {
      const letter = short === undefined ? "" : ` -s ${short}`;
      const takes = value === undefined
        ? ""
        : complete === "interface"
        ? ` -x -a '(${INTERFACES})'`
        : complete === "file"
        ? " -r -F"
        : " -x";
      lines.push(`${when}${letter} -l ${name}${takes} -d ${quoted(help)}`);
    }
    const choices = command.words?.choices;
    if (choices) lines.push(`${when} -a '${choices.join(" ")}'`);
  }
  return `${lines.join("\n")}\n`;
}
