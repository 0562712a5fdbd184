// Shortens user agents.

const BROWSERS: [RegExp, string][] = [
  [/\bEdgA?\/(\d+)/, 'Edge'],
  [/\bOPR\/(\d+)/, 'Opera'],
  [/\bFirefox\/(\d+)/, 'Firefox'],
  [/\bFxiOS\/(\d+)/, 'Firefox'],
  [/\bCriOS\/(\d+)/, 'Chrome'],
  [/Chrome\/(\d+)/, 'Chrome'],
  [/\bVersion\/(\d+)[\d.]* (?:Mobile\/\S+ )?Safari\//, 'Safari'],
];

const SYSTEMS: [RegExp, string][] = [
  [/\b(?:iPhone|iPad|iPod)\b/, 'iOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

const MAX_LENGTH = 40;

/** `Firefox 133 on Linux`; for programs other than browsers the first word, `curl/8.11.0`. */
export function describeUserAgent(text: string): string {
  for (const [pattern, name] of BROWSERS) {
    const version = pattern.exec(text)?.[1];
    if (!version) continue;
    const system = SYSTEMS.find(([systemPattern]) => systemPattern.test(text))?.[1];
    return `${name} ${version}${system ? ` on ${system}` : ''}`;
  }
  const [first = ''] = text.trim().split(/\s+/);
  return first.length > MAX_LENGTH ? `${first.slice(0, MAX_LENGTH)}…` : first;
}
