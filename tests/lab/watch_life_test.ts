// What keeps a process alive: waiting for changes does, following the interfaces never does. (Here, since it joins everywhere.)
import { test } from "../harness.ts";
import { assertLife, startProgram } from "../kernel/support.ts";

const lives: [what: string, mode: string, ends: boolean][] = [
  ["a watcher that nobody reads does not keep the process", "idle", true],
  ["waiting for a change keeps the process", "waiting", false],
  ["a wait that ends by close() does not", "closed", true],
  ["a wait that was aborted does not", "aborted", true],
  ["waiting for a link-local address keeps the process", "link-local", false],
  ["a membership that follows does not keep the process", "following", true],
  ["nor does it when it has a wait of its own", "following-long", true],
  ["a reader of a socket that follows does", "following-reading", false],
  ["unless it is unref'd", "following-unref", true],
];

for (const [what, mode, ends] of lives) {
  test(what, { needs: ["lab"] }, async () => {
    // The poller is chosen by the environment, where that may be read.
    const permissions = ["--allow-ffi", "--allow-env=PKTINFO_FORCE"];
    await using program = await startProgram("watching.ts", permissions, mode);
    await assertLife(program, ends);
  });
}
