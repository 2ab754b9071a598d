#!/usr/bin/env python3
"""Breaks each layout rule in a tiny tree and sees that tools/tidy says so, and that it says nothing else."""

import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest

TIDY = pathlib.Path(__file__).resolve().parent / "tidy"
sys.dont_write_bytecode = True
_loader = importlib.machinery.SourceFileLoader("tidy", str(TIDY))
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", _loader))
_loader.exec_module(tidy)

ROOMS = """
ox_room(base)
ox_room(crypto DEPENDS base)
ox_room(tree DEPENDS base)
ox_room(plan DEPENDS tree)
ox_room(rt DEPENDS base)
ox_room(fs DEPENDS rt)
ox_room(fs/os DEPENDS fs)
ox_room(fs/memory DEPENDS fs)
ox_room(provider DEPENDS fs)
ox_room(provider/local DEPENDS provider)
ox_room(provider/memory DEPENDS provider)
if(OX_TESTS)
  ox_room(provider/conformance DEPENDS provider)
endif()
ox_room(state DEPENDS fs)  # ox_room(nowhere)
ox_room(api DEPENDS state)
ox_room(cli DEPENDS state)
"""

HEADER = "#pragma once\n\nnamespace ox::%s {\n\nint %s();\n\n}  // namespace ox::%s\n"


def header(room):
    name = room.replace("/", "_")
    return HEADER % (room.split("/")[0], name, room.split("/")[0])


CLEAN = {"src/CMakeLists.txt": ROOMS.lstrip()}
for _room in (
    "base crypto tree plan rt fs fs/os fs/memory provider provider/local provider/memory "
    "provider/conformance state api cli"
).split():
    CLEAN[f"src/{_room}/{_room.split('/')[-1]}.h"] = header(_room)


def lay(root, files):
    for path, content in {**CLEAN, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())


def run_tidy(files):
    """What tidy finds in the clean tree with `files` laid over it, as (path, line, message)."""
    with tempfile.TemporaryDirectory() as folder:
        lay(pathlib.Path(folder), files)
        return list(tidy.problems_in(pathlib.Path(folder)))


def function_of(lines, head="int long_one() {"):
    body = "".join(f"  step({number});\n" for number in range(lines - 2))
    return f"{head}\n{body}}}\n"


class TidyTest(unittest.TestCase):
    maxDiff = None

    def accepts(self, path, content):
        self.assertEqual(run_tidy({path: content}), [])

    def refuses(self, path, content, line, words):
        """Exactly one problem, in this file and line, that says `words`."""
        found = run_tidy({path: content})
        self.assertEqual([(path, line)], [problem[:2] for problem in found], found)
        self.assertIn(words, found[0][2])


class Program(TidyTest):
    def run_program(self, files):
        with tempfile.TemporaryDirectory() as folder:
            lay(pathlib.Path(folder), files)
            command = [sys.executable, str(TIDY), "--root", folder]
            return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_a_clean_tree_ends_with_zero_and_says_nothing(self):
        done = self.run_program({})
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_problems_end_with_one_and_are_printed_with_their_place(self):
        done = self.run_program({"src/rt/a.cpp": "\tint a;\n", "src/fs/a.cpp": "int a; \n"})
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stdout, "src/fs/a.cpp:1: white space at the end of the line\nsrc/rt/a.cpp:1: a tab\n"
        )


class Rooms(TidyTest):
    def test_the_clean_tree_passes(self):
        self.assertEqual(run_tidy({}), [])

    def test_a_room_may_include_what_stands_above(self):
        self.accepts("src/state/a.cpp", '#include "fs/memory/memory.h"\n#include "base/base.h"\n')
        self.accepts("src/main/main.cpp", '#include "cli/cli.h"\n#include "api/api.h"\n')

    def test_an_include_of_a_room_below(self):
        self.refuses("src/rt/a.cpp", '#include "state/state.h"\n', 1, "stands below")
        self.refuses("src/fs/a.cpp", '#include "fs/os/os.h"\n', 1, "stands below")
        self.refuses("src/fs/os/a_test.cpp", '#include "state/state.h"\n', 1, "stands below")

    def test_an_include_of_main(self):
        files = {"src/main/m.h": header("main"), "src/cli/a.cpp": '#include "main/m.h"\n'}
        found = run_tidy(files)
        self.assertEqual(len(found), 1, found)
        self.assertIn("cli includes main", found[0][2])

    def test_a_room_that_is_only_named_in_a_comment_is_none(self):
        self.refuses("src/nowhere/a.h", header("nowhere"), 1, "stands in no room")

    def test_a_folder_inside_a_room_is_a_room_too(self):
        self.refuses("src/state/deep/a.h", header("state"), 1, "stands in no room")

    def test_implementations_do_not_see_each_other(self):
        self.refuses("src/fs/memory/a.cpp", '#include "fs/os/os.h"\n', 1, "do not know each other")
        self.refuses("src/provider/memory/a.h", '#pragma once\n#include "provider/local/local.h"\n', 2, "each other")
        self.refuses("src/provider/local/a.cpp", '#include "provider/memory/memory.h"\n', 1, "each other")

    def test_a_test_may_put_implementations_side_by_side(self):
        self.accepts("src/provider/local/a_test.cpp", '#include "provider/conformance/conformance.h"\n')

    def test_faces_do_not_see_each_other(self):
        self.refuses("src/cli/a.cpp", '#include "api/api.h"\n', 1, "face cli includes face api")
        self.refuses("src/api/a.cpp", '#include "cli/cli.h"\n', 1, "face api includes face cli")

    def test_pure_rooms_see_no_threads_and_no_disk(self):
        for room in ("base", "crypto", "tree", "plan"):
            self.refuses(f"src/{room}/a.cpp", '#include "rt/rt.h"\n', 1, "is pure")
            self.refuses(f"src/{room}/a.cpp", '#include "fs/os/os.h"\n', 1, "is pure")

    def test_pure_rooms_stay_pure_when_the_order_changes(self):
        moved = "ox_room(rt)\nox_room(fs)\n" + ROOMS.replace("ox_room(rt DEPENDS base)\n", "").replace(
            "ox_room(fs DEPENDS rt)\n", ""
        ).lstrip()
        found = run_tidy({"src/CMakeLists.txt": moved, "src/plan/a.cpp": '#include "rt/rt.h"\n'})
        self.assertEqual(len(found), 1, found)
        self.assertIn("plan is pure", found[0][2])

    def test_pure_rooms_use_no_impure_headers(self):
        for name in ("thread", "mutex", "random", "filesystem", "fstream", "sys/stat.h", "unistd.h"):
            self.refuses("src/plan/a.cpp", f"#include <{name}>\n", 1, "knows no clock, disk")
        self.accepts("src/plan/a_test.cpp", "#include <random>\n")
        self.accepts("src/plan/a.cpp", "#include <chrono>\n")

    def test_pure_rooms_ask_no_clock(self):
        self.refuses("src/tree/a.cpp", "auto t = std::chrono::system_clock::now();\n", 1, "no clock")
        self.refuses("src/tree/a.cpp", "using Clock = X;\nauto t = Clock::now ();\n", 2, "no clock")
        self.refuses("src/base/a.cpp", "std::random_device d;\n", 1, "no randomness")
        self.accepts("src/rt/a.cpp", "auto t = std::chrono::system_clock::now();\n")

    def test_includes_are_rooted(self):
        self.refuses("src/base/a.cpp", '#include "base.h"\n', 1, "not a path from src/")
        self.refuses("src/base/a.cpp", '#include "../rt/rt.h"\n', 1, "not a path from src/")
        self.refuses("test/sim/a.cpp", '#include "oracle.h"\n', 1, "not a path from src/")

    def test_a_commented_include_counts_for_nothing(self):
        self.accepts("src/rt/a.cpp", '// #include "state/state.h"\n/*\n#include "state/state.h"\n*/\n')


class CppFiles(TidyTest):
    def test_pragma_once(self):
        self.refuses("src/rt/a.h", "namespace ox::rt {}\n", 1, "#pragma once")
        self.refuses("src/rt/a.h", "// #pragma once\n", 1, "#pragma once")

    def test_threading_stays_in_rt(self):
        for what in ("std::mutex m;", "std::thread t;", "std::jthread t;", "std::unique_lock l(m);"):
            self.refuses("src/fs/a.cpp", what + "\n", 1, "outside src/rt")
            self.refuses("src/fs/a_test.cpp", what + "\n", 1, "outside src/rt")
            self.refuses("test/sim/a.cpp", what + "\n", 1, "outside src/rt")
            self.accepts("src/rt/a.cpp", what + "\n")
            self.accepts("src/crypto/a_test.cpp", what + "\n")
        self.accepts("src/fs/a.cpp", 'std::this_thread::yield();\nauto s = "std::mutex";  // std::mutex\n')

    def test_nothing_is_detached(self):
        self.refuses("src/fs/a.cpp", "worker.detach();\n", 1, "detached")
        self.refuses("src/rt/a.cpp", "worker->detach();\n", 1, "detached")

    def test_vendor_headers_in_headers(self):
        for name in ("openssl/evp.h", "sqlite3.h", "sys/stat.h", "gtest/gtest.h"):
            self.refuses("src/fs/a.h", f"#pragma once\n#include <{name}>\n", 2, "vendor headers")
            self.accepts("src/fs/a.cpp", f"#include <{name}>\n")
        self.accepts("src/provider/conformance/a.h", "#pragma once\n#include <gtest/gtest.h>\n")
        self.accepts("src/fs/conformance.h", "#pragma once\n#include <gmock/gmock.h>\n")
        self.refuses("src/provider/conformance/a.h", "#pragma once\n#include <sqlite3.h>\n", 2, "vendor")

    def test_own_header_first(self):
        self.refuses("src/rt/rt.cpp", '#include <vector>\n#include "rt/rt.h"\n', 2, "own header")
        self.accepts("src/rt/rt.cpp", '#include "rt/rt.h"\n\n#include <vector>\n')

    def test_std_format(self):
        self.refuses("src/cli/a.cpp", 'auto s = std::format("{}", 1);\n', 1, "use fmt")
        self.refuses("src/cli/a.cpp", "std::println();\n", 1, "use fmt")
        self.refuses("src/cli/a.cpp", "#include <format>\n", 1, "use fmt")
        self.accepts("src/cli/a.cpp", "auto s = fmt::format();  // not std::format\n")

    def test_namespaces(self):
        self.refuses("src/rt/a.cpp", "namespace other {\n}\n", 1, "namespace other")
        self.refuses("src/rt/a.cpp", "int a;\nnamespace oxen::rt {\n}\n", 2, "namespace oxen::rt")
        self.accepts("src/rt/a.cpp", "namespace ox {\nnamespace inner {}\n}\nnamespace {}\nnamespace v = other;\n")


class Lengths(TidyTest):
    def test_files(self):
        for path in ("src/rt/a.cpp", "tools/a.py", "bench/b.sh"):
            self.accepts(path, "\n".join(["int a;" if path.endswith("cpp") else "a = 1"] * 600) + "\n")
            line = "int a;\n" if path.endswith("cpp") else "a = 1\n"
            self.refuses(path, line * 601, 601, "601 lines")

    def test_functions(self):
        self.accepts("src/rt/a.cpp", function_of(70))
        self.refuses("src/rt/a.cpp", function_of(71), 1, "a function of 71 lines")

    def test_functions_wherever_they_stand(self):
        heads = (
            "TEST(Some, test) {",
            "template <typename T, typename U = std::vector<T>>\nResult<T> f(T a, struct stat b) {",
            "Thing::Thing(int a) : a_{a}, b_(2), c_{{1, 2}, 3} {",
            "Thing::Thing(int a) noexcept : Base(a) {",
            "auto f(int a) -> std::vector<int> {",
            "bool operator==(const A& a, const A& b) {",
            "const auto kLambda = [](int a) {",
            "struct stat look(int a) {",
            "[[nodiscard]] int f() const OX_REQUIRES(mutex_) {",
            "void f(int a = sizeof(int), X x = {1, 2}) const override {",
        )
        for head in heads:
            for opening, closing in (
                ("", ""),
                ("namespace ox::rt {\n", "}\n"),
                ('class OX_CAPABILITY("mutex") A final : public B {\n public:\n', "};\n"),
                ("int before() {\n  return 1;\n}\n#define M(a) { a\nextern \"C\" {\nstruct C {\n", "};\n}\n"),
            ):
                lines = 71 - head.count("\n")
                content = opening + function_of(lines, head) + closing
                first = opening.count("\n") + 1
                self.refuses("src/rt/a.cpp", content, first, "a function of 71 lines")
                self.accepts("src/rt/a.cpp", opening + function_of(lines - 1, head) + closing)

    def test_a_lambda_belongs_to_its_function(self):
        lambda_lines = "  auto g = [] {\n" + "    step();\n" * 66 + "  };\n"
        self.accepts("src/rt/a.cpp", "void f() {\n" + lambda_lines + "}\n")
        self.refuses("src/rt/a.cpp", "void f() {\n  {\n" + lambda_lines + "  }\n}\n", 1, "72 lines")

    def test_literals_and_comments_hold_no_braces(self):
        tricky = (
            '  auto a = "{";\n  char b = \'{\';\n  int c = 1\'000;  // {\n'
            '  auto d = R"x({ " )" {)x";\n  /* { */\n  auto e = "\\"{";\n'
        )
        self.accepts("src/rt/a.cpp", "void f() {\n" + tricky + "}\n" + function_of(70))
        self.refuses("src/rt/a.cpp", "void f() {\n" + tricky + "}\n" + function_of(71), 9, "71 lines")

    def test_tables_and_classes_are_no_functions(self):
        self.accepts("src/rt/a.cpp", "const int kTable[] = {\n" + "    1,\n" * 100 + "};\n")
        self.accepts("src/rt/a.cpp", "class A {\n" + "  int a();\n" * 100 + "};\n")
        self.accepts("src/rt/a.cpp", "enum class A : int {\n" + "  a,\n" * 100 + "};\n")

    def test_python_functions(self):
        self.accepts("tools/a.py", "def f():\n" + "    pass\n" * 69)
        self.refuses("tools/a.py", "def f():\n" + "    pass\n" * 70, 1, "71 lines")


class Texts(TidyTest):
    def test_leftovers(self):
        for word in ("FIX" + "ME", "TO" + "DO", "X" * 3):
            self.refuses("src/rt/a.cpp", f"int a;\n// {word}: later\n", 2, "leftover")
            self.refuses("tools/script", f"#!/bin/sh\n# {word}\n", 2, "leftover")
        self.accepts("tools/script", "#!/bin/sh\nmktemp -d name." + "X" * 6 + "\n")

    def test_paths_of_one_machine(self):
        for folder in ("home", "root", "work"):
            self.refuses("src/rt/a.cpp", f'auto a = "/{folder}/x";\n', 1, "one machine")
            self.refuses("docs/a.md", f"See `/{folder}/x`.\n", 1, "one machine")
        self.accepts("docs/a.md", "See the tree/root/x and ~/work/x.\n")

    def test_temporary_paths(self):
        path = "/" + "tmp/x"
        self.refuses("src/rt/a.cpp", f'auto a = "{path}";\n', 1, "temporary")
        self.accepts("src/rt/a_test.cpp", f'auto a = "{path}";\n')
        self.accepts("test/cli/a.sh", f"touch {path}\n")

    def test_registries(self):
        self.refuses("docs/a.md", "From registry.npmjs" + ".org\n", 1, "package registry")
        self.refuses("tools/a.py", "host = 'pypi" + ".org'\n", 1, "package registry")

    def test_white_space(self):
        self.refuses("src/rt/a.cpp", "\tint a;\n", 1, "a tab")
        self.refuses("docs/a.md", "word \n", 1, "white space at the end")
        self.refuses("docs/a.md", "word\r\n", 1, "white space at the end")
        self.refuses("docs/a.md", "one\ntwo", 2, "no newline")
        self.refuses("docs/a.md", "one\n\n", 3, "empty lines")
        self.accepts("Makefile", "all:\n\techo\n")
        self.accepts("test/vectors/a.txt", "kept as is \t")
        self.accepts("test/fuzz/corpus/names/a", "kept as is \t")

    def test_binary_files_and_builds_are_left_alone(self):
        self.accepts("docs/a.bin", b"\0 \t \n")
        self.accepts("build/dev/a.txt", "tab\t")


if __name__ == "__main__":
    unittest.main()
