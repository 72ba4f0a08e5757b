/// <reference types="vitest/config" />
import { defineConfig } from "vite";

// JSX goes through esbuild straight to Preact: no Babel, no plug-in, a third of the packages.
// The output directory is the caller's (CMake gives --outDir), never the source tree.
export default defineConfig({
  appType: "spa",
  esbuild: { jsx: "automatic", jsxImportSource: "preact" },
  build: {
    target: "es2020",
    assetsInlineLimit: 0, // the page's policy allows files from itself only
    modulePreload: false,
    reportCompressedSize: false,
  },
  // `npx vite` while developing: the API comes from a cryostorm (or tests/ui/mock.mjs) on its usual port.
  server: { proxy: { "/api": "http://127.0.0.1:16686", "/loki": "http://127.0.0.1:16686" }, fs: { allow: [".."] } },
  test: { dir: "../tests/ui", globals: true }, // no imports there: packages are found from ui/ only
});
