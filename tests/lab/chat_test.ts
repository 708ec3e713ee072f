// The chat of the README, in two terminals on two hosts.
import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { commandOf, test } from "../harness.ts";
import { twoNetworks } from "./topologies.ts";

test(
  "what one types the other reads, with the interface it came in on, and nothing that controls its terminal",
  {
    needs: ["lab"],
  },
  async () => {
    await using net = await twoNetworks();
    const chat = fileURLToPath(new URL("../../examples/chat.ts", import.meta.url));
    const start = (host: typeof net.here) =>
      host.spawn(...commandOf(chat, ["--allow-ffi"]), { interactive: true });
    const [here, there] = [await start(net.here), await start(net.b)];
    const port = 7667;
    // Who speaks first may speak to nobody: repeat until it is heard.
    let heard: string | null = null;
    const hearing = there.nextLine(20_000).then((line) => heard = line);
    while (heard === null) {
      here.writeLine("hello\x1b[31m");
      await Promise.race([hearing, here.nextLine().catch(() => {})]);
    }
    assertEquals(heard, `10.2.0.1:${port} on eth0: hello[31m`);
    there.writeLine("hello yourself");
    for (;;) {
      const line = await here.nextLine();
      if (!line.startsWith("10.2.0.100:")) continue;
      assertEquals(line, `10.2.0.100:${port} on eth1: hello yourself`);
      break;
    }
  },
);
