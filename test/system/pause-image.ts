import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** The image of every sandbox. */
export const PAUSE_IMAGE = "lanyard.test/pause:1";

/**
 * Makes the image of pause.c as an archive in the form of the OCI image layout, so that no registry is asked. `folder` is
 * empty, and keeps the archive.
 * @returns the archive's path
 */
export function makePauseImage(folder: string): string {
  const [root, layout] = [join(folder, "root"), join(folder, "layout")];
  mkdirSync(root, { recursive: true });
  mkdirSync(join(layout, "blobs/sha256"), { recursive: true });
  const flags =
    "-O2 -ffreestanding -fno-pie -static -nostdlib -no-pie -Wl,--build-id=none -Wl,-z,noexecstack";
  execFileSync("cc", [...flags.split(" "), "-o", join(root, "pause"), join(import.meta.dirname, "pause.c")]);

  const put = (content: Buffer, mediaType: string) => {
    const hash = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(layout, "blobs/sha256", hash), content);
    return { mediaType, digest: `sha256:${hash}`, size: content.length };
  };
  const tree = join(folder, "layer.tar");
  execFileSync("tar", ["-C", root, "-cf", tree, "pause"]);
  const layer = put(readFileSync(tree), "application/vnd.oci.image.layer.v1.tar");
  const config = put(
    json({
      os: "linux",
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      config: { Entrypoint: ["/pause"] },
      rootfs: { type: "layers", diff_ids: [layer.digest] },
    }),
    "application/vnd.oci.image.config.v1+json",
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = put(json({ schemaVersion: 2, mediaType, config, layers: [layer] }), mediaType);
  const annotations = { "io.containerd.image.name": PAUSE_IMAGE };
  writeFileSync(join(layout, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  writeFileSync(
    join(layout, "index.json"),
    json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  const archive = join(folder, "pause.tar");
  execFileSync("tar", ["-C", layout, "-cf", archive, "oci-layout", "index.json", "blobs"]);
  for (const made of [root, layout, tree]) rmSync(made, { recursive: true });
  return archive;
}

function json(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}
