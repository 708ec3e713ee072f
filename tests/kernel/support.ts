/** What the tests on loopback share. */
import { assert, assertEquals } from "@std/assert";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { system } from "../../ffi/system.ts";
import { interfaces, type Packet, type UdpSocket } from "../../mod.ts";
import { commandOf, has, notOn, runtime, staysPending, within } from "../harness.ts";
import { Program, run } from "../lab/process.ts";
import { boundSockets } from "./windows_calls.ts";

// The C library is opened once a process and stays: before the first test, or that one would be accused of a leak.
system();
// So does the thread for calls that block, which has descriptors. Where the event loop waits, few tests need it.
if (runtime === "node" && !has("windows")) {
  await system().library.callBlocking("poll", [0, 0, 0], true);
}

/** The loopback interface, which each system calls otherwise. */
export const lo: { readonly index: number; readonly name: string } = loopback();

function loopback() {
  const { index, name } = interfaces().find(({ loopback }) => loopback)!;
  return { index, name };
}

/** Why tests whose datagrams must come from an address of ours are left out under Wine. */
export const needsSource: string | false = notOn(
  "wine",
  "Wine ignores the address to send from",
);

/** The hop limit of unicasts that name none. */
export const defaultHops = has("windows") && !notOn("wine", "it is Linux' own") ? 128 : 64;

/** The next packet, which must come soon. */
export function next(socket: UdpSocket): Promise<Packet> {
  return within(5_000, socket.receive(), "a packet");
}

/** The text of a packet. */
export function text(packet: { data: Uint8Array }): string {
  return new TextDecoder().decode(packet.data);
}

/** The texts of the next packets. */
export async function nextTexts(socket: UdpSocket, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push(text(await next(socket)));
  return texts;
}

/** Where a socket is reached on loopback. */
export function at(socket: { port: number }, address = "127.0.0.1"): string {
  return address.includes(":") ? `[${address}]:${socket.port}` : `${address}:${socket.port}`;
}

/** How many descriptors this process has open; on Windows, which numbers none, how many sockets. */
export function descriptors(): number {
  return has("windows") ? boundSockets() : fs.readdirSync("/proc/self/fd").length;
}

/** Waits until `condition()` holds, one turn of the event loop after the other. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  let over = false;
  const waiting = async () => {
    while (!over && !condition()) await turn();
  };
  await within(5_000, waiting(), what).finally(() => over = true);
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Runs a program of tests/programs to its end, on the runtime of the tests; returns what it wrote.
 *
 * @param permissions What it gets where there are permissions: on Deno.
 */
export async function runProgram(
  program: string,
  permissions: string[],
  ...args: string[]
): Promise<string> {
  return (await run(...commandOf(fileOf(program), permissions, args))).trim();
}

/** Starts one. */
export function startProgram(
  program: string,
  permissions: string[],
  ...args: string[]
): Promise<Program> {
  return Program.start(...commandOf(fileOf(program), permissions, args));
}

/** Where a program of tests/programs is. */
export function fileOf(program: string): string {
  return fileURLToPath(new URL(`../programs/${program}`, import.meta.url));
}

/** A program that says "waiting" then ends by itself, or does not. */
export async function assertLife(program: Program, ends: boolean): Promise<void> {
  assertEquals(await program.nextLine(), "waiting");
  if (ends) {
    assertEquals(await within(5_000, program.ended, "the end of the process"), "0");
    // "exit" is said by the event of that name: the process ended by itself.
    assertEquals(program.takeLines(), ["exit"]);
  } else {
    assert(await staysPending(200, program.ended), "the process ended");
  }
}
