/** Follows what was chosen in Cockpit's menu, which is `auto`, `light` or `dark`; Cockpit keeps it in the browser. */
const KEY = 'shell:style';
const dark = window.matchMedia('(prefers-color-scheme: dark)');

export function followTheme(): void {
  apply();
  dark.addEventListener('change', apply);
  window.addEventListener('storage', ({ key }) => {
    if (key === KEY) apply();
  });
  window.addEventListener('cockpit-style', (event) => {
    apply((event as CustomEvent<{ style?: string }>).detail.style);
  });
}

function apply(chosen?: unknown): void {
  const style = typeof chosen === 'string' ? chosen : (localStorage.getItem(KEY) ?? 'auto');
  const isDark = style === 'dark' || (style === 'auto' && dark.matches);
  document.documentElement.classList.toggle('pf-v6-theme-dark', isDark);
}
