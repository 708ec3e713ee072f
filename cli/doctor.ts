/**
 * `pktinfo doctor`: why multicast does not work here, and what to do.
 *
 * @module
 */

import { diagnose } from "../doctor/diagnose.ts";
import { fixScript } from "../doctor/script.ts";
import { reportText } from "../doctor/text.ts";
import { type Command, onlyOne, texts, type Values } from "./command.ts";
import type { Io } from "./io.ts";

/** The command. */
export const doctor: Command = {
  name: "doctor",
  summary: "says why multicast does not work here, and what to do",
  about: `
Tries multicast on every interface, for IPv4 and IPv6, and says what does not
work, why, and what to do. It changes nothing, and no packet of its tests
leaves this host.`,
  options: {
    interface: {
      short: "i",
      value: "NAME",
      many: true,
      complete: "interface",
      help: "only this interface (name or index)",
    },
    group: {
      short: "g",
      value: "GROUP",
      many: true,
      help: "also try this group: ff02::fb, 224.0.0.251:5353, 239.1.2.3@eth0",
    },
    "fix-commands": { help: "print only the commands that mend it, as a shell script" },
    json: { help: "print one JSON object" },
  },
  status: `0 healthy, 1 problems or warnings were found, 2 wrong usage
or a failure of its own, 130 interrupted.`,
  run,
};

async function run(values: Values, _words: readonly string[], io: Io): Promise<number> {
  onlyOne(values, "fix-commands", "json");
  try {
    const diagnosis = await diagnose({
      interfaces: texts(values.interface),
      groups: texts(values.group),
      signal: io.signal,
      onProgress: (step) => io.progress(step),
    });
    io.progress(null);
    if (values.json) io.out(`${JSON.stringify(diagnosis)}\n`);
    else if (values["fix-commands"]) io.out(fixScript(diagnosis));
    else io.out(reportText(diagnosis, { colour: io.colour, columns: io.screen?.columns }));
    return diagnosis.healthy ? 0 : 1;
  } finally {
    io.progress(null);
  }
}
