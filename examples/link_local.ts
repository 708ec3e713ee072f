/**
 * Waits until an interface has a link-local address that can be used, and prints it.
 *
 *     deno run --allow-ffi examples/link_local.ts tap0
 */
// deno-lint-ignore-file no-console

import { waitForLinkLocal } from "../mod.ts";

const { address, zone } = await waitForLinkLocal(Deno.args[0]);
console.log(`${address}%${zone}`);
