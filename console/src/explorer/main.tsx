// Starts the page of GraphiQL.
import { createRoot } from 'react-dom/client';
import { Explorer } from './Explorer';
import 'graphiql/style.css';
import './explorer.css';

createRoot(document.getElementById('page')!).render(<Explorer />);
