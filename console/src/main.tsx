// Starts the console.
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { trackActivity } from './app/activity';
import { client } from './app/queries';
import { router } from './app/routes';
import './app/theme';
import './styles/tokens.css';
import './styles/base.css';

trackActivity();
createRoot(document.getElementById('page')!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
