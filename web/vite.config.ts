import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** Everything that a running gateway answers itself; `npx vite web` hands it on to one on the default port. */
const gatewayPaths = ["/v1", "/openai", "/inference", "/trpc", "/admin", "/api/", "/health", "/status"];

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  build: {
    outDir: "../dist/web",
    emptyOutDir: true,
    target: "es2022",
    // The policy allows neither `data:` scripts nor a style in the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      onLog(level, log, handle) {
        // Marks for frameworks that render on a server.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") handle(level, log);
      },
    },
  },
  server: {
    proxy: Object.fromEntries(gatewayPaths.map((path) => [path, { target: "http://127.0.0.1:3000" }])),
  },
});
