// What every JavaScript peer shares: arguments, CPU time of this process, the two lines it prints.
import process from "node:process";

/** A peer whose starter died must not stay behind. */
const LIMIT_SECONDS = 120;

export const batch = 64;
export const loopback = "127.0.0.1";
export const payload = new Uint8Array(64).fill("x".charCodeAt(0));

/**
 * The number at a position of the command line.
 * @param {number} index
 */
export function argument(index) {
  return Number(process.argv[2 + index]);
}

/**
 * The word at a position of the command line.
 * @param {number} index
 */
export function word(index) {
  return process.argv[2 + index];
}

/**
 * First line: the peer is ready and its socket has this port.
 * @param {number} port
 */
export function ready(port) {
  setTimeout(() => process.exit(1), LIMIT_SECONDS * 1000);
  process.stdout.write(`${JSON.stringify({ port })}\n`);
}

/**
 * CPU time (user + system, all threads) and wall time between two packets: the first `warm` are not counted.
 * @param {number} warm
 * @param {number} count
 */
export function meter(warm, count) {
  const end = warm + count;
  let seen = 0, wall = 0;
  /** @type {NodeJS.CpuUsage | undefined} */
  let start;
  return {
    /** True after the last packet; the result line has been printed. */
    packet() {
      seen++;
      if (seen === warm) {
        wall = performance.now();
        start = process.cpuUsage();
      } else if (seen === end) {
        const used = process.cpuUsage(start);
        finish(count, used.user + used.system, (performance.now() - wall) * 1000);
        return true;
      }
      return false;
    },
  };
}

/**
 * @param {number} packets
 * @param {number} cpuUs
 * @param {number} wallUs
 */
function finish(packets, cpuUs, wallUs) {
  // exit in the callback: on a pipe the write may still be under way
  const line = `${JSON.stringify({ packets, cpuUs, wallUs: Math.round(wallUs) })}\n`;
  process.stdout.write(line, () => process.exit(0));
}
