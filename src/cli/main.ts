#!/usr/bin/env node
// The `espalier` command.
import { main } from "./program.ts";

process.exit(await main(process.argv.slice(2)));
