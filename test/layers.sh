#!/bin/sh
# layers.sh - compares the tree with core/LAYERS; one line a violation.
#
#   layers.sh             exit 1 if there is any
#   layers.sh closures    `room:itself,and,all,below` a line, for the Makefile
#
# What it looks at: who includes whom, and no other room's internal header; who includes a library; what a room that is pure, or a file
# that only decides (x.c beside x_io.c), calls; names of files, of which each exists once.
# It reads text, not meaning: a call behind a macro or a pointer passes.
set -eu

list_files() {
	find main.c applets core -name '*.[ch]' 2>/dev/null | sort
	find test -name '*.[ch]' 2>/dev/null | sort
}

program='
# --- the table
FILENAME == "core/LAYERS" && (/^#/ || NF == 0) { next }
FILENAME == "core/LAYERS" && /^</ {
	header = substr($1, 2); sub(/>$/, "", header)
	$1 = ""; landlords[header] = $0 " "
	next
}
FILENAME == "core/LAYERS" {
	room = $1; sub(/\*?:$/, "", room)
	order[++rooms] = room
	pure[room] = $1 ~ /\*/
	$1 = ""; direct[room] = room == "base" ? "" : $0 " base"
	next
}
FNR == 1 && !closed { close_all() }
FNR == 1 { enter(FILENAME) }

# --- a line of code
$1 ~ /^#[ \t]*include/ || ($1 == "#" && $2 == "include") { if (!is_test) include($0); next }
is_decider { calls(code($0)) }

END { if (!closed) close_all(); if (mode == "closures") print_closures(); exit bad }

function enter(file,  part, n) {
	n = split(file, part, "/")
	name = part[n]
	is_test = part[1] == "test"
	if (name in home) complain(0, name " exists in " home[name] " too; a file name is a prefix, unique in the tree")
	home[name] = file
	room = part[1] == "core" ? part[2] : part[1] == "applets" ? "applets" : "main"
	in_comment = 0
	if (!is_test && !(room in reach) && !(room in unknown)) {
		unknown[room] = 1
		complain(0, "room " room " is not in core/LAYERS")
	}
	is_decider = !is_test && decides(room, name)
}

# Pure rooms, and in the others whatever does not say _io, apart from rooms that live in the world.
function decides(room, name) {
	if (room == "base") return name !~ /^panic\.[ch]$/
	if (pure[room]) return 1
	if (room ~ /^(os|node|store|client|applets|main)$/) return 0
	return name !~ /_io\.[ch]$/
}

function include(line,  target, path, key, best) {
	target = line
	if (line ~ /"/) {
		sub(/^[^"]*"/, "", target); sub(/".*$/, "", target)
		if (target !~ /\//) { complain(FNR, "\"" target "\" is included without its room"); return }
		path = target
		sub(/\/.*$/, "", target)
		if (path ~ /_internal\.h$/ && target != room) complain(FNR, "includes \"" path "\", which is internal to room " target)
		if (!(target in reach)) complain(FNR, "includes \"" target "/...\", which is no room")
		else if ((room in reach) && !index(reach[room], " " target " "))
			complain(FNR, "room " room " includes " target ", which is not below it")
		return
	}
	sub(/^[^<]*</, "", target); sub(/>.*$/, "", target)
	best = ""
	for (key in landlords)
		if (index(target, key) == 1 && length(key) > length(best)) best = key
	if (best != "" && !index(landlords[best], " " room " "))
		complain(FNR, "<" target "> belongs to" landlords[best] "and not to " room)
}

# code LINE: without comments, strings and characters
function code(line,  out, c) {
	gsub(/\\./, "", line)
	out = ""
	while (line != "") {
		if (in_comment) {
			if (!(c = index(line, "*/"))) return out
			line = substr(line, c + 2); in_comment = 0
			continue
		}
		if (!match(line, /\/\*|\/\/|"|\x27/)) return out line
		c = substr(line, RSTART, RLENGTH)
		out = out substr(line, 1, RSTART - 1) " "
		line = substr(line, RSTART + RLENGTH)
		if (c == "//") return out
		if (c == "/*") { in_comment = 1; continue }
		line = (i = index(line, c)) ? substr(line, i + 1) : ""
	}
	return out
}

# A static function of that name, declared before its use, hides the one of the libc.
function calls(line,  name, before, is_static) {
	is_static = line ~ /^static /
	while (match(line, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
		before = substr(line, RSTART - 1, 1)
		name = substr(line, RSTART, RLENGTH - 1); sub(/[ \t]+$/, "", name)
		line = substr(line, RSTART + RLENGTH)
		if (is_static) { own[FILENAME, name] = 1; is_static = 0; continue }
		if (before == "." || before == ">" || own[FILENAME, name]) continue
		if (name in worldly) complain(FNR, "calls " name "(), but " (pure[room] ? "room " room " is pure" : "only _io files of " room " touch the world"))
		if (pure[room] && name ~ /^log_(debug|info|warn|error)$/) complain(FNR, "logs, but room " room " is pure")
	}
}

function complain(line, text) { print FILENAME ":" (line ? line ":" : "") " " text; bad = 1 }

function add(room, below,  i, n, part) {
	if (index(reach[room], " " below " ")) return
	reach[room] = reach[room] below " "
	n = split(direct[below], part, " ")
	for (i = 1; i <= n; i++) {
		if (!(part[i] in direct)) { print "core/LAYERS: " below " may include " part[i] ", which is no room"; bad = 1; continue }
		add(room, part[i])
	}
}
function close_all(  i, n, part) {
	closed = 1
	for (i = 1; i <= rooms; i++) { reach[order[i]] = " "; add(order[i], order[i]) }
	n = split("time clock clock_gettime gettimeofday localtime localtime_r nanosleep usleep sleep " \
		"rand srand random srandom getrandom getentropy arc4random " \
		"open openat openat2 creat close read write pread pwrite readv writev lseek ftruncate fsync " \
		"fopen fdopen fread fwrite fgets getline fputs puts printf fprintf perror " \
		"stat lstat fstat access unlink unlinkat rename renameat mkdir mkdirat rmdir opendir readdir " \
		"readlink symlink link chmod chown mknod mount umount umount2 " \
		"socket connect bind listen accept accept4 send sendto sendmsg recv recvfrom recvmsg " \
		"poll ppoll select epoll_create1 epoll_ctl epoll_wait eventfd timerfd_create signalfd pipe pipe2 ioctl fcntl " \
		"fork vfork clone execve execv execvp execl posix_spawn system popen waitpid waitid kill " \
		"setns unshare prctl syscall getenv setenv getpid gethostname pthread_create signal sigaction", part, " ")
	for (i = 1; i <= n; i++) worldly[part[i]] = 1
}
function print_closures(  i, line) {
	for (i = 1; i <= rooms; i++) {
		line = reach[order[i]]
		gsub(/^ | $/, "", line); gsub(/ /, ",", line)
		print order[i] ":" line
	}
}
'

case ${1:-} in
closures) awk -v mode=closures "$program" core/LAYERS ;;
*) awk "$program" core/LAYERS $(list_files) ;;
esac
