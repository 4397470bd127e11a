# shellcheck shell=bash
# The CSI driver, asked as kubelet asks it, on real mounts: csi/test.

report=$work/csi.json
(cd "$project" && node node_modules/vitest/vitest.mjs run --root csi --reporter=json --outputFile="$report" > "$work/csi.log" 2>&1)
while IFS=$'\t' read -r state title; do
    ok "csi: $title" [ "$state" = passed ]
done < <(node -e "
const { testResults } = JSON.parse(require('node:fs').readFileSync('$report', 'utf8'));
for (const { status, fullName } of testResults.flatMap((file) => file.assertionResults)) console.log(status + '\t' + fullName.trim());
")
ok 'csi: all its test files load' node -e "
if (JSON.parse(require('node:fs').readFileSync('$report', 'utf8')).testResults.some(({ assertionResults }) => assertionResults.length === 0)) process.exit(1)"
[ "$failed" -eq 0 ] || grep -aE 'FAIL|Error' "$work/csi.log" | head -n 30
