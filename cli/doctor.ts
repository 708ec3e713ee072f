/**
 * `pktinfo doctor`: why multicast does not work here, and what to do.
 *
 * @module
 */

import { diagnose } from "../doctor/diagnose.ts";
import { fixScript } from "../doctor/script.ts";
import { reportText } from "../doctor/text.ts";
import { readOptions, texts } from "./arguments.ts";
import type { Io } from "./io.ts";

/** How to use it. */
export const DOCTOR_USAGE = `usage: pktinfo doctor [options]

Tries multicast on every interface, for IPv4 and IPv6, and says what does not work, why, and
what to do. It changes nothing, and no packet of its tests leaves this host.

  --interface NAME   only this interface (name or index); may be given more than once
  --group GROUP      also try this group: ff02::fb, 224.0.0.251:5353, 239.1.2.3@eth0; likewise
  --fix-commands     print only the commands that mend it, as a shell script
  --json             print one JSON object
  --help             print this

Exit status: 0 healthy, 1 problems or warnings were found, 2 wrong usage or a failure of its own.
`;

/** Runs it; returns the exit status. */
export async function doctor(args: readonly string[], io: Io): Promise<number> {
  const values = readOptions(args, {
    interface: { type: "string", multiple: true },
    group: { type: "string", multiple: true },
    "fix-commands": { type: "boolean" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (values.help) {
    io.out(DOCTOR_USAGE);
    return 0;
  }
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
    else io.out(reportText(diagnosis, { colour: io.colour }));
    return diagnosis.healthy ? 0 : 1;
  } finally {
    io.progress(null);
  }
}
