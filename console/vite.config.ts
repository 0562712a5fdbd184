// Builds the pages reproducibly into dist/, which is committed.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The content security policy forbids `data:` URLs, so the fonts and icons in GraphiQL’s style sheet are removed. */
const withoutData: Plugin = {
  name: 'without-data',
  enforce: 'pre',
  transform(code, id) {
    if (!/\/graphiql\/dist\/style\.css/.test(id)) return null;
    return code.replace(/@font-face\s*\{[^}]*\}/g, '').replace(/url\((["']?)data:[^)]*\1\)/g, 'none');
  },
};

/** Adds the licences of fonts; the bundler’s list covers scripts only. */
const licensesOfFonts: Plugin = {
  name: 'licenses-of-fonts',
  generateBundle() {
    const texts = ['inter', 'jetbrains-mono'].map((font) => {
      const text = readFileSync(here(`node_modules/@fontsource-variable/${font}/LICENSE`), 'utf8');
      return `## ${font}\n\n${text.trim()}\n`;
    });
    this.emitFile({ type: 'asset', fileName: 'assets/licenses-of-fonts.md', source: texts.join('\n') });
  },
};

/** The service that `npm run dev` uses. */
const SERVICE = process.env.SERVICE ?? 'http://127.0.0.1:8080';

export default defineConfig({
  root: here('.'),
  plugins: [withoutData, licensesOfFonts, react()],
  resolve: {
    alias: {
      // The original injects a <style>, which the policy forbids.
      'react-remove-scroll': here('src/explorer/RemoveScroll.tsx'),
    },
  },
  build: {
    target: ['chrome123', 'firefox121', 'safari17.5'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    chunkSizeWarningLimit: 1600,
    license: { fileName: 'assets/licenses.md' },
    rolldownOptions: {
      input: { index: here('index.html'), graphiql: here('graphiql.html') },
      checks: { pluginTimings: false },
      // A library of GraphiQL's marks a module for a compiler that is not used here.
      onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning),
    },
  },
  server: {
    proxy: Object.fromEntries(
      ['/graphql', '/schema.graphql', '/session', '/organizations/[^/]+/tokens.csv'].map((path) => [`^${path}`, SERVICE]),
    ),
  },
});
