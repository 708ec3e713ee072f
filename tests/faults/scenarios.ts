/** What is done with the library while a call fails: together they make every kind of call, for every reason there is. */
import { assertEquals } from "@std/assert";
import { listInterfaces } from "../../interfaces/list.ts";
import { InterfaceWatcher } from "../../interfaces/watch.ts";
import type { Packet, UdpSocket } from "../../mod.ts";
import { at, lo, text } from "../kernel/support.ts";
import { byFamily, type Run, type Scenario, soon } from "./run.ts";

const GROUP = "239.255.11.1";
/** The sink has joined it. */
export const SINK_GROUP = "239.255.11.9";
const SENDER = "127.0.0.5";
const onLo = { interface: lo.name };

/** Who only waits is let go when nothing comes: the library rests. */
const WAITS = { rests: 3 };

/** Where there is a call for each of five datagrams, each of them waits as long as one. */
const EACH_RESTS = { rests: 5 * 45 };

/** Sends both families' datagrams to a socket. */
async function tell({ peers: { source } }: Run, socket: UdpSocket, ...texts: string[]) {
  for (const address of ["127.0.0.3", "::1"]) {
    for (const data of texts) await source.send(data, at(socket, address));
  }
}

/** Reads packets one after the other; those that were read before an error count. */
function reader(run: Run) {
  return async (name: string, count: number, read: () => Promise<Packet[]>) => {
    const packets: Packet[] = [];
    await run.step(name, async () => {
      while (packets.length < count) packets.push(...await read());
    }, WAITS);
    return byFamily(packets);
  };
}

/** By name. Those that begin with "a socket" and "the interfaces" are about how things are opened. */
export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  "a socket with every option": async (run) => {
    const socket = await run.open({
      share: true,
      reusePort: true,
      broadcast: true,
      receiveBufferSize: 40_000,
      sendBufferSize: 40_000,
      hops: 7,
      trafficClass: 8,
      multicastHops: 2,
      multicastLoopback: true,
      multicastInterface: lo.name,
      timestamps: true,
      segmentation: true,
      onError: () => {},
      groups: [`${GROUP}@${lo.name}`, `ff02::b01%${lo.name}`, {
        group: "232.255.11.2",
        source: SENDER,
        ...onLo,
      }],
    });
    await run.step("look", () => {
      const { families, receiveBufferSize } = socket.stats;
      assertEquals([families, receiveBufferSize !== 0], [["IPv4", "IPv6"], true]);
    });
    await tell(run, socket, "a");
    assertEquals(
      await reader(run)("receive", 2, () => socket.receiveMany()),
      "a to 127.0.0.3, a to ::1",
    );
    await run.close(socket);
  },

  "a socket of one interface": async (run) => {
    const socket = await run.open({ family: "IPv4", interface: lo.name, port: 0 });
    await run.peers.source.send("a", at(socket, "127.0.0.3"));
    await run.step("receive", async () => assertEquals(text(await socket.receive()), "a"), WAITS);
    await run.send(["b"], () => socket.send("b", at(run.peers.sink, "127.0.0.3")));
    await run.close(socket);
    await run.heard();
  },

  "a socket of one group": async (run) => {
    const socket = await run.open({ address: GROUP, groups: [`${GROUP}@${lo.name}`] });
    await run.peers.source.send("a", `${at(socket, GROUP)}@${lo.name}`);
    await run.step("receive", async () => assertEquals(text(await socket.receive()), "a"), WAITS);
    await run.close(socket);
  },

  "sending": async (run) => {
    const socket = await run.open({ onError: () => {} });
    const { sink } = run.peers;
    for (const address of ["127.0.0.3", "::1"]) {
      const { port } = sink;
      const to = { address, port };
      const about = { about: to };
      const six = address === "::1";
      await run.send([`plain ${address}`], () => socket.send(`plain ${address}`, to), about);
      const source = six ? "::1" : "127.0.0.9";
      const wishes = { source, interface: lo.index, hops: 9, trafficClass: 4 };
      await run.send([`wishes ${address}`], () => socket.send(`wishes ${address}`, to, wishes), {
        about: { ...to, interfaceIndex: lo.index },
      });
      // What no control message can say is an option for the time of the call.
      if (!six) {
        const group = { address: SINK_GROUP, port, interface: lo.name };
        await run.send(["no hops"], () => socket.send("no hops", group, { hops: 0 }), {
          about: { address: SINK_GROUP, port, interfaceIndex: lo.index },
        });
      }
      const many = Array.from({ length: 5 }, (_, i) => `many ${i} ${address}`);
      await run.send(many, () => socket.sendMany(many.map((data) => ({ data, to }))), {
        ...about,
        ...EACH_RESTS,
        final: true,
      });
    }
    await run.send(["last"], () => socket.send("last", at(sink, "127.0.0.3")));
    const hops = run.plan.library.option(0, "IPv4", "multicastHops");
    assertEquals(hops, 1, "what one datagram had is every datagram's now");
    await run.close(socket);
    await run.heard();
  },

  "sending trains": async (run) => {
    const socket = await run.open({ segmentation: true, family: "IPv4" });
    const to = at(run.peers.sink, "127.0.0.3");
    for (const round of [1, 2]) {
      const train = Array.from({ length: 5 }, (_, i) => `train ${round} ${i}`);
      await run.send(train, () => socket.sendMany(train.map((data) => ({ data, to }))), {
        about: { address: "127.0.0.3", port: run.peers.sink.port },
        ...EACH_RESTS,
        final: true,
      });
    }
    await run.close(socket);
    await run.heard();
  },

  "answering": async (run) => {
    const socket = await run.open();
    for (const address of ["127.0.0.3", "::1"]) {
      await run.peers.sink.send("question", at(socket, address));
      let packet!: Packet;
      await run.step("receive", async () => void (packet = await socket.receive()), WAITS);
      assertEquals(packet.destination.address, address);
      const answer = `answer from ${address}`;
      await run.send([answer], () => socket.reply(packet, answer), {
        about: { address: packet.source.address, port: packet.source.port },
      });
    }
    await run.close(socket);
    await run.heard();
  },

  "receiving": async (run) => {
    const socket = await run.open({ timestamps: true });
    const read = reader(run);
    await tell(run, socket, "a", "b", "c", "d", "e", "f");
    const all = (texts: string) =>
      ["127.0.0.3", "::1"].flatMap((to) => [...texts].map((said) => `${said} to ${to}`)).join(", ");
    assertEquals(
      await read("receive", 12, async () => [await socket.receive()]),
      all("abcdef"),
    );
    await tell(run, socket, "g", "h");
    assertEquals(await read("receiveMany", 4, () => socket.receiveMany()), all("gh"));
    await tell(run, socket, "i", "j");
    const packets = socket.packets();
    assertEquals(
      await read("iterate", 4, async () => {
        const { value, done } = await packets.next();
        // An error ends an iteration; another one goes on.
        return done ? [await socket.receive()] : [value];
      }),
      all("ij"),
    );
    await run.close(socket);
  },

  "waiting for packets": async (run) => {
    const socket = await run.open({ onError: () => {} });
    const { source } = run.peers;
    // Each of them is asleep when its packet comes.
    for (const address of ["127.0.0.3", "::1", "127.0.0.3"]) {
      let sent = false;
      await run.step(`wait for ${address}`, async () => {
        const waiting = socket.receive();
        waiting.catch(() => {});
        if (!sent) await source.send(address, at(socket, address));
        sent = true;
        assertEquals(text(await waiting), address);
      }, WAITS);
    }
    await run.close(socket);
  },

  "refusals of earlier datagrams": async (run) => {
    const errors: Error[] = [];
    const socket = await run.open({ family: "IPv4", onError: (error) => errors.push(error) });
    // Nobody is on port 9 of this address, so ICMP refuses it.
    await run.step("to nobody", () => socket.send("x", "127.0.0.6:9"), {
      about: { address: "127.0.0.6", port: 9 },
    });
    await run.peers.source.send("a", at(socket, "127.0.0.3"));
    await run.step("receive", async () => assertEquals(text(await socket.receive()), "a"), WAITS);
    await run.send(["b"], () => socket.send("b", at(run.peers.sink, "127.0.0.3")), {
      about: { address: "127.0.0.3", port: run.peers.sink.port },
    });
    await run.close(socket);
    await run.heard();
  },

  "a connected socket": async (run) => {
    const socket = await run.open();
    const { sink } = run.peers;
    for (const address of ["127.0.0.3", "::1"]) {
      const about = { about: { address, port: sink.port } };
      // The second one begins by taking the first one's peer back, which is about no address.
      await run.step(
        `connect ${address}`,
        () => socket.connect(at(sink, address)),
        address === "::1" ? {} : about,
      );
      await run.send([`to ${address}`], () => socket.send(`to ${address}`), about);
    }
    await run.step("disconnect", () => socket.disconnect());
    await run.send(["free"], () => socket.send("free", at(sink, "127.0.0.3")));
    // Also from somebody who was never its peer.
    await tell(run, socket, "a");
    assertEquals(
      await reader(run)("receive", 2, () => socket.receiveMany()),
      "a to 127.0.0.3, a to ::1",
    );
    await run.close(socket);
    await run.heard();
  },

  "options of an open socket": async (run) => {
    const socket = await run.open();
    await run.step("set", () =>
      socket.set({
        multicastLoopback: false,
        multicastHops: 3,
        hops: 9,
        trafficClass: 4,
        broadcast: true,
        receiveBufferSize: 50_000,
        sendBufferSize: 50_000,
        multicastInterface: lo.name,
      }));
    await run.step("set back", () => socket.set({ multicastInterface: null, hops: 64 }));
    await run.close(socket);
  },

  "groups": async (run) => {
    const socket = await run.open();
    const { source } = run.peers;
    const heard: string[] = [];
    const hear = async (...texts: [group: string, from: string, text: string][]) => {
      for (const [group, from, data] of texts) {
        await source.send(data, `${at(socket, group)}@${lo.name}`, { source: from });
      }
      await source.send("marker", at(socket, "127.0.0.3"));
      await run.step("hear", async () => {
        for (;;) {
          const said = text(await socket.receive());
          if (said === "marker") return;
          heard.push(said);
        }
      }, WAITS);
    };
    const about = { about: { address: GROUP, interfaceIndex: lo.index } };
    await run.step("join", () => socket.join(GROUP, onLo), about);
    await hear([GROUP, SENDER, "joined"]);
    await run.step("block", () => socket.blockSource(GROUP, SENDER, onLo), about);
    await hear([GROUP, SENDER, "no: blocked"], [GROUP, "127.0.0.8", "another"]);
    await run.step("unblock", () => socket.unblockSource(GROUP, SENDER, onLo), about);
    await hear([GROUP, SENDER, "unblocked"]);
    await run.step("leave", () => socket.leave(GROUP, onLo), about);
    await hear([GROUP, SENDER, "no: left"]);
    await run.step("join again", () => socket.join(GROUP, onLo), about);
    await hear([GROUP, SENDER, "joined again"]);
    await run.step("leave again", () => socket.leave(GROUP, onLo), about);
    for (const sender of [SENDER, "127.0.0.8"]) {
      await run.step(
        `join for ${sender}`,
        () => socket.join(GROUP, { ...onLo, source: sender }),
        about,
      );
    }
    await hear([GROUP, SENDER, "source"], [GROUP, "127.0.0.8", "source 2"], [
      GROUP,
      "127.0.0.9",
      "no: third",
    ]);
    await run.step("leave one", () => socket.leave(GROUP, { ...onLo, source: SENDER }), about);
    await hear([GROUP, SENDER, "no: left one"], [GROUP, "127.0.0.8", "source 3"]);
    await run.step(
      "join for it again",
      () => socket.join(GROUP, { ...onLo, source: SENDER }),
      about,
    );
    await hear([GROUP, SENDER, "source again"]);
    await run.step("leave all", () => socket.leave(GROUP, onLo), about);
    await run.step(
      "join for it anew",
      () => socket.join(GROUP, { ...onLo, source: SENDER }),
      about,
    );
    await hear([GROUP, SENDER, "source anew"], [GROUP, "127.0.0.8", "no: not that one"]);
    const six = { about: { address: "ff02::b02", interfaceIndex: lo.index } };
    await run.step("join six", () => socket.join("ff02::b02", onLo), six);
    await run.step("leave six", () => socket.leave("ff02::b02", onLo), six);
    await run.close(socket);
    assertEquals(heard, [
      "joined",
      "another",
      "unblocked",
      "joined again",
      "source",
      "source 2",
      "source 3",
      "source again",
      "source anew",
    ]);
  },

  "the interfaces": async (run) => {
    const { system } = run.plan.library;
    const index = await run.step("list", () => {
      const all = listInterfaces(system);
      return all.find(({ loopback }) => loopback)!.index;
    });
    assertEquals(index, lo.index);
    const watcher = await run.step("watch", () => new InterfaceWatcher(system, null));
    run.plan.mark();
    await run.step("what is known", () => {
      assertEquals(watcher.interfaces.find(({ loopback }) => loopback)?.name, lo.name);
    });
    // Nothing changes here: it reads, and would wait. What goes wrong ends it.
    await run.step("wait for a change", async () => {
      const change = watcher.next();
      change.catch(() => {});
      for (let turns = 0; turns < 10; turns++) await soon();
      await watcher.close();
      assertEquals(await change, { done: true, value: undefined });
    });
  },
};
