// Generates types of the console’s GraphQL operations into src/gql/, or into the folder in GENERATE_INTO.
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
