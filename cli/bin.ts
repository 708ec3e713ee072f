#!/usr/bin/env node
/**
 * The command line as the npm package's program.
 *
 * @module
 */

import { start } from "./main.ts";

start();
