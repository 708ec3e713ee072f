/** Closes a descriptor that is none: "refused" in debug mode, "called" where that is off. */
// deno-lint-ignore-file no-console
import { system } from "../../ffi/system.ts";

try {
  system().close(12_345);
  console.log("called");
} catch (error) {
  console.log((error as Error).message.startsWith("PKTINFO_DEBUG: ") ? "refused" : String(error));
}
