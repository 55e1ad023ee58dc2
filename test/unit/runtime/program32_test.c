/* 32-bit programs in containers of x86_64: they run, and are held like all others. */
#if defined(__x86_64__)
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/file.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

enum { ADDRESS = 0x8048000 };

/* By hand, so that no compiler for 32 bits is needed: write(1, "32 bits\n", 8), exit(7). */
static void write_program(const char *path)
{
	static const unsigned char code[] = { 0xb8, 4, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0xb9, 0, 0, 0, 0, 0xba, 8, 0, 0, 0, 0xcd, 0x80,
					      0xb8, 1, 0, 0, 0, 0xbb, 7, 0, 0, 0, 0xcd, 0x80, '3', '2', ' ', 'b', 'i', 't', 's', '\n' };
	enum { TEXT_OPERAND = 11, TEXT_BYTES = 8 };
	struct { Elf32_Ehdr head; Elf32_Phdr part; unsigned char code[sizeof code]; } program = {
		.head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT }, .e_type = ET_EXEC, .e_machine = EM_386,
			  .e_version = EV_CURRENT, .e_entry = ADDRESS + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr), .e_phoff = sizeof(Elf32_Ehdr),
			  .e_ehsize = sizeof(Elf32_Ehdr), .e_phentsize = sizeof(Elf32_Phdr), .e_phnum = 1 },
		.part = { .p_type = PT_LOAD, .p_vaddr = ADDRESS, .p_filesz = sizeof program, .p_memsz = sizeof program, .p_flags = PF_R | PF_X,
			  .p_align = 4096 },
	};
	uint32_t text = program.head.e_entry + (uint32_t)sizeof code - TEXT_BYTES;
	CLEANUP(fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	memcpy(program.code, code, sizeof code);
	memcpy(program.code + TEXT_OPERAND, &text, sizeof text);
	EXPECT(fd >= 0 && fd_write_all(fd, (const char *)&program, sizeof program) == 0);
}

/* A kernel may have been built without. */
static bool runs_here(const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(1);
		execl(path, path, (char *)NULL);
		_exit(1);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

TEST(a_32_bit_program_runs_in_a_container)
{
	struct host host;
	struct err err = { .code = 0 };
	const char *argv[] = { "/bin/small" };

	host_open(&host);
	const char *path = arena_printf(&host.arena, "%s/bin/small", host.rootfs);

	write_program(path);
	if (runs_here(path)) {
		struct container_spec spec = host_spec(&host, NULL);

		spec.argv = (struct container_strings){ argv, 1 };
		EXPECT_INT(host_run(&host, &spec, &err), 7);
		EXPECT_STR(host_log(&host, spec.id), "32 bits\n");
	}
	host_close(&host);
}

TEST(calls_by_32_bit_numbers_get_no_further_than_others)
{
	struct host host;

	host_open(&host);
	const char *path = arena_printf(&host.arena, "%s/bin/small", host.rootfs);

	write_program(path);
	if (runs_here(path)) {
		/* getpid, mount, unshare, keyctl, setns, bpf; socketcall(socket), which would reach any family */
		struct container_spec spec = host_spec(&host, "int80", "20", ",", "int80", "21", ",", "int80", "310", ",", "int80", "288", ",", "int80",
						       "346", ",", "int80", "357", ",", "int80", "102", "1", NULL);

		EXPECT_STR(host_output(&host, &spec), "int80: ok\nint80: Operation not permitted\nint80: Operation not permitted\n"
						      "int80: Operation not permitted\nint80: Operation not permitted\n"
						      "int80: Operation not permitted\nint80: Function not implemented\n");
	}
	host_close(&host);
}
#endif
