#!/usr/bin/env python3
"""Plants faults into a tiny project and sees that tools/mutants tells apart what can become of them."""

import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = pathlib.Path(__file__).resolve().parent / "mutants"
sys.dont_write_bytecode = True
_loader = importlib.machinery.SourceFileLoader("mutants", str(PROGRAM))
mutants = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutants", _loader))
sys.modules["mutants"] = mutants
_loader.exec_module(mutants)

LISTS = """
cmake_minimum_required(VERSION 3.25)
project(tiny LANGUAGES CXX)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
add_library(sums STATIC sums.cpp)
add_executable(judge judge.cpp)
target_link_libraries(judge PRIVATE sums)
"""
SUMS = """int sum(int a, int b) {
  return a + b;
}
int difference(int a, int b) {
  return a - b;
}
"""
JUDGE = """#include <cstring>
int sum(int a, int b);
int difference(int a, int b);
int main(int, char** words) {
  if (std::strcmp(words[1], "sum") == 0) {
    return sum(2, 3) == 5 ? 0 : 1;
  }
  return std::strcmp(words[1], "fails") == 0 ? 1 : 0;
}
"""


def fault(change, test="judge sum", more=""):
    return f"fault: wrong\nloses: a number\nfile: sums.cpp\ntest: {test}\n{more}\n{change}"


PLUS = "-  return a + b;\n+  return a * b;\n"
MINUS = "-  return a - b;\n+  return b - a;\n"


class Tiny:
    """A project with a build; its faults are what a test makes them."""

    def __init__(self, root):
        self.root = root
        for name, text in {"CMakeLists.txt": LISTS, "sums.cpp": SUMS, "judge.cpp": JUDGE}.items():
            (root / name).write_text(text)
        (root / mutants.FAULTS).mkdir(parents=True)
        configure = ["cmake", "-G", "Ninja", "-S", root, "-B", root / "build" / "dev", "-DCMAKE_CXX_COMPILER=clang++-19"]
        subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)

    def lay(self, faults):
        for old in (self.root / mutants.FAULTS).iterdir():
            old.unlink()
        for name, text in faults.items():
            (self.root / mutants.FAULTS / f"{name}.mutant").write_text(text)

    def answer(self, faults, *options):
        """Exit code, standard output and standard error."""
        self.lay(faults)
        command = [sys.executable, PROGRAM, "--root", self.root, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr


class Planting(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.tiny = Tiny(pathlib.Path(cls.folder.name).resolve())

    def test_what_a_test_notices_is_caught(self):
        code, out, _ = self.tiny.answer({"times": fault(PLUS)})
        self.assertIn("caught  times: failed after", out)
        self.assertTrue(out.endswith("1 caught, 0 missed\n"), out)
        self.assertEqual(code, 0)

    def test_what_none_notices_is_missed(self):
        code, out, _ = self.tiny.answer({"turned": fault(MINUS, "judge difference"), "times": fault(PLUS)})
        self.assertIn("MISSED  turned: wrong", out)
        self.assertTrue(out.endswith("1 caught, 1 missed\n"), out)
        self.assertEqual(code, 1)

    def test_tests_are_tried_until_one_fails(self):
        code, out, _ = self.tiny.answer({"times": fault(PLUS, "judge difference\ntest: judge sum")})
        self.assertRegex(out, "caught  times: .*judge sum")
        self.assertEqual(code, 0)

    def test_what_does_not_end_is_caught(self):
        self.addCleanup(setattr, mutants, "PATIENCE_S", mutants.PATIENCE_S)
        mutants.PATIENCE_S = 1
        self.tiny.lay({"endless": fault("-  return a + b;\n+  for (volatile int k = 0; k == 0;) {}\n+  return a + b;\n")})
        build = mutants.Build(self.tiny.root, self.tiny.root / "build" / "dev")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertTrue(mutants.plant_all(build, mutants.read_all(self.tiny.root), 1))
        self.assertIn("caught  endless: did not end", out.getvalue())

    def test_what_does_not_compile_is_neither(self):
        code, out, _ = self.tiny.answer({"nonsense": fault("-  return a + b;\n+  return nonsense;\n")})
        self.assertIn("REFUSED nonsense: it does not compile", out)
        self.assertTrue(out.endswith("0 caught, 0 missed, 1 refused\n"), out)
        self.assertEqual(code, 1)

    def test_lines_that_stand_nowhere_are_told_with_and_without_building(self):
        stale = {"stale": fault("-  return a / b;\n+  return b / a;\n"), "times": fault(PLUS)}
        code, out, _ = self.tiny.answer(stale)
        self.assertIn("REFUSED stale: its lines stand 0 times", out)
        self.assertEqual(code, 1)
        code, _, err = self.tiny.answer(stale, "--check")
        self.assertIn("stale.mutant: its lines stand 0 times", err)
        self.assertEqual(code, 1)
        self.assertEqual(self.tiny.answer({"times": fault(PLUS)}, "--check"), (0, "", ""))

    def test_a_source_that_is_gone_is_told(self):
        gone = {"gone": fault(PLUS).replace("sums.cpp", "products.cpp")}
        for options in ((), ("--check",)):
            code, out, err = self.tiny.answer(gone, *options)
            self.assertIn("its source can't be read", out + err)
            self.assertEqual(code, 1)

    def test_a_build_that_fails_is_told(self):
        (self.tiny.root / "sums.cpp").write_text("nonsense\n")
        self.addCleanup((self.tiny.root / "sums.cpp").write_text, SUMS)
        code, out, err = self.tiny.answer({"times": fault("-nonsense\n+more\n")})
        self.assertIn("the build fails without any fault", err)
        self.assertEqual((code, out), (1, ""))

    def test_a_test_that_fails_anyway_proves_nothing(self):
        code, out, err = self.tiny.answer({"times": fault(PLUS, "judge fails")})
        self.assertIn("fails without any fault: judge fails", err)
        self.assertNotIn("caught", out)
        self.assertEqual(code, 1)

    def test_some_can_be_chosen(self):
        both = {"times": fault(PLUS, more="ci: yes\n"), "turned": fault(MINUS)}
        self.assertIn("1 caught, 0 missed", self.tiny.answer(both, "--ci")[1])
        self.assertIn("0 caught, 1 missed", self.tiny.answer(both, "--only", "turned")[1])
        code, _, err = self.tiny.answer(both, "--only", "another")
        self.assertIn("no such fault: another", err)
        self.assertEqual(code, 1)
        self.assertEqual(self.tiny.answer(both, "--ci", "--list")[1], "times: wrong (sums.cpp)\n")

    def test_none_at_all_is_no_success(self):
        self.assertEqual(self.tiny.answer({"times": fault(PLUS)}, "--ci")[0], 1)

    def test_the_sources_stay_as_they_are(self):
        self.tiny.answer({"times": fault(PLUS)})
        self.assertEqual((self.tiny.root / "sums.cpp").read_text(), SUMS)


class Places(unittest.TestCase):
    def test_white_space_does_not_count(self):
        source = "int f(int a,\n      int b) { return a+b; }\n"
        start, end = mutants.place_of("f(int a, int b) {\n  return a + b;", source)
        self.assertEqual(source[start:end], "f(int a,\n      int b) { return a+b;")

    def test_twice_is_no_place(self):
        with self.assertRaisesRegex(mutants.Refused, "2 times"):
            mutants.place_of("x();", "x();\nx();\n")

    def test_every_change_is_made_in_the_sound_source(self):
        twice = mutants.Mutant("n", "f", "l", "s", (), False, (("a = 1;", "b = 2;"), ("b = 3;", "a = 1;")))
        self.assertEqual(mutants.mutated(twice, "a = 1; b = 3;"), "b = 2; a = 1;")


class Reading(unittest.TestCase):
    def read(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "some-fault.mutant"
            path.write_text(text)
            return mutants.read_mutant(path)

    def test_changes_keep_what_stands_around_them(self):
        found = self.read(fault(" {\n-  a;\n+  b;\n\n   c;\n@@\n-  d;\n+  e;\n", more="ci: yes\n"))
        self.assertEqual(found.name, "some-fault")
        self.assertEqual(found.tests, ("judge sum",))
        self.assertTrue(found.in_ci)
        self.assertEqual(found.hunks, (("{\n  a;\n\n  c;", "{\n  b;\n\n  c;"), ("  d;", "  e;")))

    def test_what_is_no_fault_is_refused(self):
        for text, why in (
            (fault(PLUS).replace("loses: a number\n", ""), "wants one 'loses'"),
            (fault(PLUS).replace("test: judge sum\n", ""), "names no test"),
            (fault(PLUS, more="colour: red\n"), "not a field"),
            (fault("-  a;\n+  a;\n"), "changes nothing"),
            (fault("+  a;\n"), "changes nothing"),
            (fault("  a;\n*  b;\n"), "neither kept"),
            (fault(""), "changes nothing"),
        ):
            with self.assertRaisesRegex(mutants.Refused, why):
                self.read(text)


if __name__ == "__main__":
    unittest.main()
