#!/bin/sh
# lint.sh [PART OF A PATH] - what reads the source without running it: layers, cppcheck, clang-tidy.
# A tool that is not there is said to be not there, and fails nothing; what it finds, fails.
set -u

part=${1:-}
sources=$(find main.c applets core test -name '*.c' 2>/dev/null | grep -F "$part" | sort)
includes='-Icore -I.'
[ -n "$sources" ] || { echo "no source has '$part' in its path"; exit 1; }
failed=0 absent=

# step NAME COMMAND...: only its findings are shown
step() {
	name=$1; shift
	start=$(date +%s)
	if "$@" >build/lint.log 2>&1; then
		echo "$name: clean, $(($(date +%s) - start)) s"
	else
		cat build/lint.log
		echo "$name: see above, $(($(date +%s) - start)) s"
		failed=1
	fi
}

tidy() {
	printf '%s\n' $sources | xargs -P "$(nproc)" -n 4 sh -c '
		clang-tidy --quiet "$@" -- -std=gnu17 -D_GNU_SOURCE -DSWARMBOX_VERSION=\"\" \
			-DSWARMBOX_BUILD=\"\" '"$includes"' -isystem build/vendor/san/include -include test/lint/known.h 2>&1 |
			grep -vE "^[0-9]+ warnings? (generated|treated)" >build/lint.$$
		if grep -qE "(warning|error):" build/lint.$$; then cat build/lint.$$; rm build/lint.$$; exit 1; fi
		rm build/lint.$$' tidy
}

# Suppressed: what libraries' headers do, shifting a signed number, which gcc defines, and NULL in
# variable arguments, which is a pointer in every C library we meet.
check() {
	cppcheck -q --error-exitcode=1 --enable=warning,performance,portability --std=c11 --language=c \
		-D_GNU_SOURCE -D__linux__ -D__x86_64__ --inline-suppr --suppress=missingIncludeSystem \
		--suppress='*:build/vendor/*' --suppress=shiftTooManyBitsSigned --suppress=varFuncNullUB \
		-j "$(nproc)" $includes -Ibuild/vendor/san/include $sources
}

mkdir -p build
step layers test/layers.sh
if command -v cppcheck >/dev/null; then step cppcheck check; else absent="$absent cppcheck"; fi
if command -v clang-tidy >/dev/null; then step clang-tidy tidy; else absent="$absent clang-tidy"; fi
[ -z "$absent" ] || echo "not installed, so not run:$absent"
exit $failed
