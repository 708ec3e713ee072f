// What a datagram is told in every case there is, on every system: nothing twice, nothing lost, nothing made up.
import { assert, assertEquals } from "@std/assert";
import { ControlCodec, ControlRecord } from "../../ffi/cmsg.ts";
import type { Egress } from "../../ffi/egress.ts";
import { UnsupportedError } from "../../ffi/errors.ts";
import type { Platform } from "../../ffi/platform/platform.ts";
import { test } from "../harness.ts";
import { NOTHING, writtenControl } from "./control.ts";
import { ASKED, type Case, FIRST, INTERFACE, OWN, plan } from "./egress_cases.ts";
import { PLATFORMS } from "./tables.ts";

function* everyCase(): Generator<Case> {
  const both = [false, true];
  for (const family of ["IPv4", "IPv6"] as const) {
    for (const multicast of both) {
      for (const source of both) {
        for (const asked of both) {
          for (const hops of multicast ? [-1, 0, 5] : [-1, 5]) {
            for (const trafficClass of [-1, 0, 184]) {
              for (const own of [null, ASKED, OWN]) {
                for (const lenient of both) {
                  yield {
                    family,
                    multicast,
                    source,
                    interface: asked,
                    hops,
                    trafficClass,
                    own,
                    lenient,
                  };
                }
              }
            }
          }
        }
      }
    }
  }
}

/** The value of an option, of which there is one at most. */
function optionOf({ options }: Egress, name: string): number | null {
  const found = (options ?? []).filter(([option]) => option === name);
  assert(found.length <= 1, `${name} twice`);
  return found.length === 1 ? found[0][1] : null;
}

/** Says what is wrong with a plan; nothing is. */
function check(platform: Platform, c: Case, egress: Egress): string | null {
  const { control, options } = egress;
  const rows = platform.sendControl[c.family];
  const quirks = platform.quirks;
  const ipv4 = c.family === "IPv4";
  const told = control ?? NOTHING;
  const [hopsOption, otherHops] = c.multicast
    ? ["multicastHops", "hops"] as const
    : ["hops", "multicastHops"] as const;
  const once = (inControl: boolean, option: string, value: number) =>
    inControl ? optionOf(egress, option) === null : optionOf(egress, option) === value;

  if (options?.length === 0) return "no options are null";
  if (control && !control.hasSource && control.interfaceIndex === 0) {
    if (control.hops < 0 && control.trafficClass < 0) return "no control is null";
  }
  for (const [option] of options ?? []) {
    if (!platform.options[c.family][option]) return `there is no ${option}`;
  }
  // Everything in the control data has a message.
  if (told.hops >= 0 && !rows.hops) return "hops have no message";
  if (told.trafficClass >= 0 && !rows.trafficClass) return "the traffic class has no message";
  if (told.interfaceIndex !== 0 && !rows.packetInfo) return "the interface has no message";
  if (told.hasSource && !rows.packetInfo && !rows.source) return "the source has no message";
  // What was asked for is there, and nothing twice.
  if (c.hops >= 0 && !once(told.hops === c.hops, hopsOption, c.hops)) return "hops";
  if (c.hops < 0 && (told.hops >= 0 || optionOf(egress, hopsOption) !== null)) return "no hops";
  if (optionOf(egress, otherHops) !== null) return "hops of the other kind";
  if (c.trafficClass >= 0) {
    const inControl = told.trafficClass === c.trafficClass;
    if (!once(inControl, "trafficClass", c.trafficClass)) return "traffic class";
  } else if (told.trafficClass >= 0 || optionOf(egress, "trafficClass") !== null) {
    return "no traffic class";
  }
  const byOption = optionOf(egress, "multicastInterface");
  if (byOption !== null && !c.multicast) return "a group's interface for no group";
  if (c.interface) {
    const inControl = told.interfaceIndex === INTERFACE;
    const lost = !inControl && byOption === null;
    if (lost ? !c.lenient : !once(inControl, "multicastInterface", INTERFACE)) return "interface";
  } else if (told.interfaceIndex !== 0 || byOption !== null) return "no interface";
  if (c.source) {
    const there = told.hasSource ? told.w0 === ASKED : c.own === ASKED;
    if (!there && !(c.lenient && !told.hasSource)) return "source";
  } else if (told.hasSource) {
    // Named only beside an interface, and then it is the socket's own, or else the interface's.
    const right = c.own ?? (ipv4 && quirks.interfaceNeedsSource ? FIRST : null);
    if (told.interfaceIndex === 0 || told.w0 !== right) return "a source that nobody asked for";
  }
  // The system's ways.
  if (ipv4 && told.interfaceIndex !== 0) {
    if (quirks.interfaceForgetsSource && (told.hasSource || c.own !== null)) {
      return "the source is forgotten";
    }
    if (quirks.interfaceNeedsSource && !(told.hasSource && told.w0 !== 0)) {
      return "sent from 0.0.0.0";
    }
    if (quirks.packetInfoReplacesBoundSource && c.own !== null && !told.hasSource) {
      return "the bound source is replaced";
    }
  }
  if (told.hasSource && !rows.packetInfo && c.own !== null && quirks.sourceOnlyOnWildcard) {
    return "a source on a bound socket";
  }
  if (ipv4 && told.hops === 0 && quirks.zeroHopsOnlyAsOption) return "a TTL of 0 as control data";
  return null;
}

for (const [name, platform] of PLATFORMS) {
  test(`nothing is told twice, lost or made up on ${name}, whatever is asked for`, () => {
    const tally = { told: 0, refused: 0 };
    for (const c of everyCase()) {
      let egress: Egress;
      try {
        egress = plan(platform, c);
      } catch (error) {
        if (!(error instanceof UnsupportedError)) throw error;
        tally.refused++;
        const has = platform.sendControl[c.family].trafficClass ??
          platform.options[c.family].trafficClass;
        if (c.trafficClass >= 0 && !has) continue;
        assert(!c.lenient, `refused though lenient: ${JSON.stringify(c)}`);
        assertEquals(c.family, "IPv4", "IPv6 can do everything else");
        continue;
      }
      tally.told++;
      const wrong = check(platform, c, egress);
      assertEquals(wrong, null, `${JSON.stringify(c)} → ${JSON.stringify(egress)}`);
      // What was planned can be written, and says just that.
      if (egress.control) {
        const bytes = writtenControl(platform, c.family, egress.control);
        assert(bytes.length > 0, "a plan that writes nothing");
        const record = new ControlRecord();
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        assert(new ControlCodec(platform).read(view, 0, bytes.length, record));
        assertEquals(record.interfaceIndex, egress.control.interfaceIndex);
      }
    }
    assert(tally.told > 400, `${tally.told}`);
    assertEquals(tally.refused > 0, ["macOS", "FreeBSD", "OpenBSD", "Windows"].includes(name));
  });
}
