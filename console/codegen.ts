// What of the schema the pages use, as types: `npm run generate` writes src/gql/, or where GENERATE_INTO says.
import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: '../schema.graphql',
  documents: 'src/**/*.graphql',
  ignoreNoDocuments: true,
  generates: {
    [process.env.GENERATE_INTO ?? './src/gql/']: {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        enumsAsTypes: true,
        futureProofEnums: true,
        strictScalars: true,
        scalars: { DateTime: 'string', ID: 'string', UUID: 'string' },
        useTypeImports: true,
      },
    },
  },
};

export default config;
