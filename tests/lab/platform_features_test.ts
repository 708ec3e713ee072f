// The same once more in a namespace: with a second IPv6 address, and the doctor may be tried, too.
import { spawnSync } from "node:child_process";
import process from "node:process";

if (process.env.PKTINFO_LAB === "1") {
  spawnSync("ip", ["address", "add", "fd77::7/128", "dev", "lo", "nodad"]);
  spawnSync("ip", ["-6", "route", "add", "local", "ff00::/8", "dev", "lo", "table", "local"]);
}
await import("../kernel/platform_features_test.ts");
