// Flags of every command that reads a folder of images: how they lie there, and which links are followed.
import { type Command, Option } from "commander";
import { IMAGE_LAYOUTS, type ImageLayout } from "../images/layouts.ts";

export interface LayoutFlags {
  readonly layout?: ImageLayout;
  readonly followLinks?: boolean;
}

/** Adds --layout, --follow-links and --no-follow-links. */
export function layoutOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--layout <name>", "images: how they lie, where it is not seen right").choices([...IMAGE_LAYOUTS]),
    )
    .option("--follow-links", "images: follow all symbolic links out of the folder; default: to what you own")
    .option("--no-follow-links", "images: refuse symbolic links out of the folder");
}
