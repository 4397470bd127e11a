import '@patternfly/patternfly/patternfly-base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.js';
import { cockpit } from './cockpit.js';
import './page.css';
import { followTheme } from './theme.js';

followTheme();
const language = cockpit.language || 'en';
document.documentElement.lang = language.replace('_', '-');
createRoot(document.getElementById('app') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
