/**
 * Has its own kernel refuse socket(2) for one family (seccomp), like a host that lacks it, and reports in one line of
 * JSON what the library makes of that. The argument is the family: IPv4 or IPv6.
 */
// deno-lint-ignore-file no-console
import process from "node:process";
import { runtime } from "#runtime";
import { system } from "../../ffi/system.ts";
import { openUdpSocket, SocketError } from "../../mod.ts";

const [missing] = process.argv.slice(2);
const other = missing === "IPv4" ? "IPv6" : "IPv4";

/** See prctl(2), seccomp(2) and linux/filter.h. A filter holds for the calling thread: this one. */
function refuseFamily(domain: number) {
  const x86 = runtime.arch === "x86_64";
  const architecture = x86 ? 0xc000003e : 0xc00000b7;
  const socketCall = x86 ? 41 : 198;
  const EAFNOSUPPORT = 97;
  const [LOAD, EQUAL, RETURN] = [0x20, 0x15, 0x06];
  const ALLOW = 0x7fff0000;
  // Each: code, jump if true, jump if false, operand.
  const program = [
    [LOAD, 0, 0, 4], // seccomp_data.arch
    [EQUAL, 0, 5, architecture],
    [LOAD, 0, 0, 0], // seccomp_data.nr
    [EQUAL, 0, 3, socketCall],
    [LOAD, 0, 0, 16], // the low half of seccomp_data.args[0]
    [EQUAL, 0, 1, domain],
    [RETURN, 0, 0, 0x00050000 | EAFNOSUPPORT],
    [RETURN, 0, 0, ALLOW],
  ];
  const filter = new DataView(new ArrayBuffer(program.length * 8));
  program.forEach(([code, yes, no, operand], i) => {
    filter.setUint16(i * 8, code, true);
    filter.setUint8(i * 8 + 2, yes);
    filter.setUint8(i * 8 + 3, no);
    filter.setUint32(i * 8 + 4, operand, true);
  });
  const fprog = new DataView(new ArrayBuffer(16));
  fprog.setUint16(0, program.length, true);
  const instructions = new Uint8Array(filter.buffer);
  const { platform } = system();
  const prctl = {
    parameters: ["i32", "usize", "buffer", "usize", "usize"],
    result: "i32",
  } as const;
  const libraries = platform.libraries.map(({ candidates, symbols }) => ({
    candidates,
    symbols: { ...symbols, prctl },
  }));
  const { symbols } = runtime.openLibraries(libraries, platform.errno);
  fprog.setBigUint64(8, runtime.addressOf(instructions), true);
  const PR_SET_NO_NEW_PRIVS = 38, PR_SET_SECCOMP = 22, SECCOMP_MODE_FILTER = 2n;
  if (
    symbols.prctl(PR_SET_NO_NEW_PRIVS, 1n, null, 0n, 0n) !== 0 ||
    symbols.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, new Uint8Array(fprog.buffer), 0n, 0n) !== 0
  ) throw new Error("prctl refused the filter");
}

function codeOf(error: unknown): string {
  return error instanceof SocketError ? error.code : String(error);
}

function attempt(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
}

refuseFamily(missing === "IPv4" ? 2 : 10);
const told: string[] = [];
const groups = { IPv4: "239.255.1.1", IPv6: "ff02::1234" };
await using socket = openUdpSocket({
  groups: [{ group: groups[missing as "IPv4"], interface: "lo" }],
  onError: (error) => told.push(codeOf(error)),
});
const { families, unavailable } = socket.stats;
const own = { IPv4: `127.0.0.2:${socket.port}`, IPv6: `[::1]:${socket.port}` };
await socket.send("still here", own[other]);
const received = new TextDecoder().decode((await socket.receive()).data);
const asked = attempt(() => openUdpSocket({ family: missing as "IPv4" }));
const sent = await socket.send("x", own[missing as "IPv4"]).catch((error) => error);
const joined = attempt(() => socket.join(groups[missing as "IPv4"], { interface: "lo" }));
console.log(JSON.stringify({
  families,
  unavailable: unavailable.map(({ family, error }) => [family, codeOf(error)]),
  received,
  asked: codeOf(asked),
  hint: asked instanceof SocketError ? asked.hint : null,
  sent: codeOf(sent),
  joined: codeOf(joined),
  errors: socket.stats.errors,
  told,
}));
