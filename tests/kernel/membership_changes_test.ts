// What a membership goes through while interfaces come, go and return: on a host whose list of interfaces is ours, with
// the kernel's memberships answered by us, too.
import { assertEquals, assertThrows } from "@std/assert";
import type { MembershipName } from "../../ffi/platform/platform.ts";
import {
  type Membership,
  type MembershipChangeEvent,
  SocketError,
  type UdpSocket,
} from "../../mod.ts";
import { test, type TestOptions } from "../harness.ts";
import { linkEntry } from "./simulated.ts";
import { Host, LO, MULTICAST_LOOPBACK, RTM_IFINFO } from "./simulated_watch.ts";
import { turn, until } from "./support.ts";

const needs: TestOptions = { needs: ["linux"] };
const GROUP = "239.255.25.1";
const RUNNING = 0x40;

/** Loopback that does multicast; beside it cards, running or not. */
function hostWith(...cards: [index: number, running: boolean][]) {
  return [
    linkEntry("lo", 1, MULTICAST_LOOPBACK),
    LO[1],
    ...cards.map(([index, running]) =>
      linkEntry(`eth${index}`, index, 0x1003 | (running ? RUNNING : 0))
    ),
  ];
}

/** Answers the kernel's membership calls; what is not refused succeeds, also on interfaces that are not there. */
class Calls {
  /** "join", "leave" … and the interface, in order. */
  readonly made: string[] = [];
  /** Refused from now on: the error's name by "join 7". */
  readonly refused = new Map<string, string>();
  /** Refuses a join for one sender, by the error's name. */
  onJoinSource: () => string | undefined = () => undefined;

  constructor(host: Host) {
    const names: MembershipName[] = [
      "join",
      "leave",
      "joinSource",
      "leaveSource",
      "block",
      "unblock",
    ];
    const { memberships } = host.simulated.system.platform;
    host.simulated.onMembership(names, (args) => {
      const call = names.find((name) =>
        [memberships.IPv4, memberships.IPv6].some((family) =>
          family[name]?.some(({ level, name }) => level === args[1] && name === args[2])
        )
      );
      // group_req and group_source_req begin with the interface.
      const index = new DataView(args[3].buffer).getUint32(0, true);
      const made = `${call} ${index}`;
      this.made.push(made);
      const code = call === "joinSource" ? this.onJoinSource() : this.refused.get(made);
      return code === undefined ? 0 : host.simulated.refuse(code);
    });
  }

  take(): string[] {
    return this.made.splice(0);
  }
}

/** What a membership told of itself. */
function heard(membership: Membership): string[] {
  const list: string[] = [];
  membership.addEventListener("change", ({ joined, left, failed }) => {
    const names = (ids: readonly { name: string }[]) => ids.map(({ name }) => name).join(" ");
    list.push(`joined ${names(joined)}, left ${names(left)}, failed ${names(failed)}`);
  });
  return list;
}

/** A socket on such a host that somebody reads from: only then it hears of changes. */
async function onHost(
  use: (host: Host, socket: UdpSocket, calls: Calls, errors: string[]) => Promise<void>,
  ...cards: [number, boolean][]
) {
  await using host = new Host();
  host.list.entries = hostWith(...cards);
  host.simulated.on("if_nametoindex", ([name], call) => {
    const [, index] = /^eth(\d+)\0$/.exec(new TextDecoder().decode(name)) ?? [];
    return index === undefined ? call() : Number(index);
  });
  const calls = new Calls(host);
  const errors: string[] = [];
  await using socket = host.simulated.openSocket({
    onError: (error) => errors.push((error as SocketError).code),
  });
  const reading = socket.receive().catch(() => {});
  await use(host, socket, calls, errors);
  await socket.close();
  await reading;
}

test(
  "an interface that returns and cannot be joined again is lost, and said to be",
  needs,
  () =>
    onHost(
      async (host, socket, calls, errors) => {
        const membership = socket.join(GROUP);
        const events = heard(membership);
        assertEquals(membership.interfaces.map(({ name }) => name), ["lo", "eth7", "eth8"]);
        calls.take();
        calls.refused.set("join 7", "ENOBUFS");
        host.list.entries = hostWith([7, true], [8, true]);
        await host.tell(RTM_IFINFO);
        await until(() => events.length === 2, "the news");
        assertEquals(events, ["joined , left eth7, failed eth7", "joined eth8, left , failed "]);
        assertEquals(membership.interfaces.map(({ name }) => name), ["lo", "eth8"]);
        assertEquals(
          membership.failed.map(({ name, error }) => [name, (error as SocketError).code]),
          [
            ["eth7", "ENOBUFS"],
          ],
        );
        assertEquals(calls.take(), ["leave 7", "join 7", "leave 8", "join 8"]);
        await until(() => errors.length === 1, "the error");
        assertEquals(errors, ["ENOBUFS"]);
      },
      [7, false],
      [8, false],
    ),
);

test("memberships that name their interface follow nothing", needs, () =>
  onHost(
    async (host, socket, calls) => {
      const named = socket.join("239.255.25.2", { interface: "lo" });
      const following = socket.join(GROUP);
      const [ofNamed, ofFollowing] = [heard(named), heard(following)];
      calls.take();
      host.list.entries = hostWith([7, true]);
      await host.tell(RTM_IFINFO);
      await until(() => ofFollowing.length > 0, "the news");
      assertEquals([ofNamed, ofFollowing], [[], ["joined eth7, left , failed "]]);
      assertEquals(calls.take(), ["join 7"]);
    },
  ));

test(
  "a listener hears nothing any more once it is taken back",
  needs,
  () =>
    onHost(async (host, socket) => {
      const membership = socket.join(GROUP);
      const events = heard(membership);
      const [first, second]: MembershipChangeEvent[][] = [[], []];
      const listener = (event: MembershipChangeEvent) => first.push(event);
      const other = { handleEvent: (event: MembershipChangeEvent) => second.push(event) };
      membership.addEventListener("change", listener);
      membership.addEventListener("change", other);
      host.list.entries = hostWith([7, true]);
      await host.tell(RTM_IFINFO);
      await until(() => events.length === 1, "the news");
      membership.removeEventListener("change", listener);
      membership.removeEventListener("change", other, false);
      host.list.entries = hostWith();
      await host.tell(RTM_IFINFO);
      await until(() => events.length === 2, "more news");
      assertEquals([first.length, second.length], [1, 1]);
      assertEquals(first[0].joined.map(({ name }) => name), ["eth7"]);
    }),
);

test(
  "a listener may leave other memberships of the same group",
  needs,
  () =>
    onHost(async (host, socket) => {
      const [one, two] = [socket.join(GROUP), socket.join(GROUP)];
      const [ofOne, ofTwo] = [heard(one), heard(two)];
      one.addEventListener("change", () => {
        one.leave();
        two.leave();
      });
      host.list.entries = hostWith([7, true]);
      await host.tell(RTM_IFINFO);
      await until(() => ofOne.length === 1, "the news");
      await turn();
      assertEquals([ofOne, ofTwo], [["joined eth7, left , failed "], []]);
      assertEquals([one.interfaces, two.interfaces], [[], []]);
    }),
);

test(
  "who is blocked stays so on interfaces that come, as far as that was said",
  needs,
  () =>
    onHost(
      async (host, socket, calls) => {
        const membership = socket.join(GROUP);
        const events = heard(membership);
        socket.blockSource(GROUP, "10.9.9.1");
        socket.blockSource(GROUP, "10.9.9.2", { interface: "lo" });
        // Blocked in vain on what comes: resumed before, there is nothing to do.
        socket.blockSource(GROUP, "10.9.9.3");
        socket.unblockSource(GROUP, "10.9.9.3");
        calls.take();
        host.list.entries = hostWith([7, true]);
        await host.tell(RTM_IFINFO);
        await until(() => events.length === 1, "the news");
        assertEquals(calls.take(), ["join 7", "block 7"]);
        // What was said of an interface that is gone is not meant for another with its index.
        socket.blockSource(GROUP, "10.9.9.4", { interface: "eth7" });
        host.list.entries = hostWith();
        await host.tell(RTM_IFINFO);
        await until(() => events.length === 2, "the end of eth7");
        calls.take();
        host.list.entries = hostWith([7, true]);
        await host.tell(RTM_IFINFO);
        await until(() => events.length === 3, "another eth7");
        assertEquals(calls.take(), ["join 7", "block 7"]);
      },
    ),
);

test("after lost news each interface is left and joined again", needs, () =>
  onHost(
    async (host, socket, calls, errors) => {
      const membership = socket.join(GROUP);
      const events = heard(membership);
      calls.take();
      // The routing socket's queue had no room.
      let overruns = 1;
      host.simulated.on(
        "recv",
        (_, call) => overruns-- > 0 ? host.simulated.refuse("ENOBUFS") : call(),
      );
      calls.refused.set("join 1", "ENOBUFS").set("join 7", "ENOBUFS");
      await host.tell(RTM_IFINFO);
      await until(() => events.length === 1, "the news");
      assertEquals(events, ["joined , left lo eth7, failed lo eth7"]);
      assertEquals([calls.take(), errors], [
        ["leave 1", "join 1", "leave 7", "join 7"],
        ["ENOBUFS", "ENOBUFS"],
      ]);
      assertEquals(membership.interfaces, []);
    },
    [7, true],
  ));

/** On IPv6 Linux looks at one membership's senders for all interfaces, so each interface gets those of all. */
test(
  "a join that fails and cannot even be taken back fails by its own refusal",
  needs,
  () =>
    onHost(
      (_, socket, calls) => {
        const group = "ff15::25:1";
        const first = socket.join(group, { interface: "lo", source: "2001:db8::a" });
        calls.take();
        calls.refused.set("leave 7", "EPERM");
        let joined = 0;
        calls.onJoinSource = () => ++joined === 2 ? "ENOBUFS" : undefined;
        const error = assertThrows(
          () => socket.join(group, { interface: "eth7", source: "2001:db8::b" }),
          SocketError,
        );
        assertEquals([error.code, error.interfaceIndex], ["ENOBUFS", 7]);
        assertEquals(calls.take(), ["joinSource 7", "joinSource 7", "leave 7"]);
        assertEquals(first.interfaces.map(({ name }) => name), ["lo"]);
        return Promise.resolve();
      },
      [7, true],
    ),
);

test(
  "that the kernel has forgotten a membership already is no failure to leave",
  needs,
  () =>
    onHost((_, socket, calls) => {
      for (const code of ["EADDRNOTAVAIL", "ENODEV", "ENXIO"]) {
        calls.refused.set("leave 1", code);
        const membership = socket.join(GROUP, { interface: "lo" });
        membership.leave();
        assertEquals([membership.interfaces, calls.take()], [[], ["join 1", "leave 1"]]);
      }
      const membership = socket.join(GROUP, { interface: "lo" });
      calls.refused.set("leave 1", "EPERM");
      assertThrows(() => membership.leave(), SocketError, "EPERM");
      return Promise.resolve();
    }),
);

test(
  "a group that cannot be left where an interface ceases to do multicast is told",
  needs,
  () =>
    onHost(
      async (host, socket, calls, errors) => {
        const [one, other] = [socket.join(GROUP), socket.join("239.255.25.9")];
        const events = heard(other);
        calls.take();
        calls.refused.set("leave 7", "EPERM");
        // IFF_UP and IFF_RUNNING, without IFF_MULTICAST.
        host.list.entries = [...hostWith(), linkEntry("eth7", 7, 0x41)];
        await host.tell(RTM_IFINFO);
        await until(() => errors.length > 0, "the error");
        assertEquals(errors, ["EPERM"]);
        // It is not followed any further for this change, and for the next one it is.
        calls.refused.clear();
        host.list.entries = hostWith([7, true], [8, true]);
        await host.tell(RTM_IFINFO);
        await until(() => events.length > 0, "the next news");
        assertEquals(one.interfaces.some(({ name }) => name === "eth8"), true);
      },
      [7, true],
    ),
);

test(
  "where the list is refused when following begins, joining goes on without",
  needs,
  async () => {
    await using host = new Host();
    host.list.entries = hostWith();
    const calls = new Calls(host);
    const errors: string[] = [];
    await using socket = host.simulated.openSocket({
      family: "IPv4",
      onError: (error) => errors.push((error as SocketError).code),
    });
    const before = host.simulated.open.size;
    let refusals = 1;
    host.simulated.on("getifaddrs", ([out]) => {
      if (refusals-- > 0) return host.simulated.refuse("ENOMEM");
      return host.list.answer(out);
    });
    const membership = socket.join(GROUP);
    assertEquals(membership.interfaces.map(({ name }) => name), ["lo"]);
    assertEquals(calls.take(), ["join 1"]);
    await until(() => errors.length > 0, "the error");
    assertEquals([errors, host.ports.length], [["ENOMEM"], 1]);
    assertEquals(host.simulated.open.size, before, "the routing socket is closed");
  },
);
