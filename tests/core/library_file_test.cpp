// Files that are no library for this machine, or that others may change, are told before they are
// opened.
#include <rondo/library_file.hpp>

#include "loader_support.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <elf.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace {

using namespace loader_support;
using testing::HasSubstr;

class library_file : public testing::Test {
 protected:
  // The refusal of inspect_library(); fails the test if there is none.
  rondo::library_refusal refusal_of(const fs::path& path) {
    const auto refusal = rondo::inspect_library(path);
    EXPECT_TRUE(refusal) << path << " was taken";
    if (!refusal) return {};
    EXPECT_FALSE(refusal->reason.empty());
    EXPECT_FALSE(refusal->remedy.empty());
    return *refusal;
  }

  void expect_not_an_object(const fs::path& path, std::string_view reason) {
    const auto refusal = refusal_of(path);
    EXPECT_EQ(refusal.code, RONDO_NOT_A_SHARED_OBJECT) << path;
    EXPECT_THAT(refusal.reason, HasSubstr(std::string(reason)));
  }

  void expect_unsafe(const fs::path& path, uid_t user, std::string_view reason) {
    const auto refusal = rondo::check_permissions(path, user);
    ASSERT_TRUE(refusal) << path;
    EXPECT_EQ(refusal->code, RONDO_UNSAFE_PERMISSIONS);
    EXPECT_THAT(refusal->reason, HasSubstr(std::string(reason)));
    EXPECT_FALSE(refusal->remedy.empty());
  }

  scratch_directory dir_;
};

using elf_header = ElfW(Ehdr);

TEST_F(library_file, a_real_library_is_taken) {
  EXPECT_FALSE(rondo::inspect_library(dir_.put_fixture("minimal")));
}

TEST_F(library_file, text_is_no_library_and_its_beginning_is_shown) {
  expect_not_an_object(dir_.put("text.so", "hello,\nworld"), "begins with 'hello,\\x0aworld'");
  expect_not_an_object(dir_.put("script.so", "INPUT ( libm.so )"),
                       "begins with 'INPUT ( libm.so '");
}

TEST_F(library_file, an_empty_file_is_no_library) {
  expect_not_an_object(dir_.put("empty.so", ""), "it is empty");
}

TEST_F(library_file, a_library_cut_short_anywhere_is_refused) {  // LOAD-02
  const auto whole = read_file(fixture("minimal"));
  for (std::size_t size = 1; size < whole.size(); size += size < 256 ? 1 : 97) {
    const auto path = dir_.put("cut.so", std::string_view(whole).substr(0, size));
    ASSERT_EQ(refusal_of(path).code, RONDO_NOT_A_SHARED_OBJECT) << size;
  }
  expect_not_an_object(dir_.put("cut.so", std::string_view(whole).substr(0, whole.size() - 1)),
                       "it is cut short");
}

TEST_F(library_file, a_library_for_another_machine_is_refused_and_both_are_named) {
  const auto whole = read_file(fixture("minimal"));
  const auto own = static_cast<unsigned char>(whole.at(offsetof(elf_header, e_machine)));
  const char other =
      own == EM_X86_64 ? static_cast<char>(EM_AARCH64) : static_cast<char>(EM_X86_64);
  const auto refusal =
      refusal_of(dir_.put_patched("machine.so", offsetof(elf_header, e_machine), other));
  EXPECT_EQ(refusal.code, RONDO_WRONG_ARCHITECTURE);
  EXPECT_THAT(refusal.reason, HasSubstr("AArch64"));
  EXPECT_THAT(refusal.reason, HasSubstr("x86-64"));
}

TEST_F(library_file, another_word_size_or_byte_order_is_another_architecture) {
  const bool wide = sizeof(void*) == 8;
  const auto narrow = refusal_of(
      dir_.put_patched("class.so", EI_CLASS, static_cast<char>(wide ? ELFCLASS32 : ELFCLASS64)));
  EXPECT_EQ(narrow.code, RONDO_WRONG_ARCHITECTURE);
  EXPECT_THAT(narrow.reason, HasSubstr("32-bit"));
  EXPECT_THAT(narrow.reason, HasSubstr("64-bit"));
  const auto swapped =
      refusal_of(dir_.put_patched("order.so", EI_DATA, static_cast<char>(ELFDATA2MSB)));
  EXPECT_EQ(swapped.code, RONDO_WRONG_ARCHITECTURE);
  EXPECT_THAT(swapped.reason, HasSubstr("big-endian"));
}

TEST_F(library_file, programs_and_object_files_are_no_libraries) {
  const auto type = offsetof(elf_header, e_type);
  expect_not_an_object(dir_.put_patched("program.so", type, ET_EXEC), "it is a program");
  expect_not_an_object(dir_.put_patched("object.so", type, ET_REL), "that was not linked");
}

TEST_F(library_file, a_library_without_a_dynamic_section_is_no_library) {
  auto bytes = read_file(fixture("minimal"));
  elf_header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const auto at = header.e_phoff + i * header.e_phentsize + offsetof(ElfW(Phdr), p_type);
    decltype(ElfW(Phdr)::p_type) type;
    std::memcpy(&type, bytes.data() + at, sizeof type);
    if (type != PT_DYNAMIC) continue;
    type = PT_NULL;
    std::memcpy(bytes.data() + at, &type, sizeof type);
  }
  expect_not_an_object(dir_.put("static.so", bytes), "nothing for the dynamic linker");
}

TEST_F(library_file, what_is_no_file_at_all_is_told_apart) {
  fs::create_directory(dir_.path() / "directory.so");
  expect_not_an_object(dir_.path() / "directory.so", "it is a directory");
  fs::create_symlink("nowhere", dir_.path() / "dangling.so");
  expect_not_an_object(dir_.path() / "dangling.so", "a link to 'nowhere', which does not exist");
  EXPECT_FALSE(refusal_of(dir_.path() / "dangling.so").system_error.empty());
  fs::create_symlink("loop.so", dir_.path() / "loop.so");
  expect_not_an_object(dir_.path() / "loop.so", "a link that cannot be followed");
  expect_not_an_object(dir_.path() / "absent.so", "it does not exist");
  ASSERT_EQ(::mkfifo((dir_.path() / "fifo.so").c_str(), 0600), 0);
  expect_not_an_object(dir_.path() / "fifo.so", "not a regular file");  // and does not block
}

TEST_F(library_file, a_file_that_cannot_be_read_is_refused_with_the_systems_words) {
  const auto path = dir_.put_fixture("minimal");
  fs::permissions(dir_.path(), fs::perms(0755));
  fs::permissions(path, fs::perms(0));
  const auto user = ::geteuid();  // root may read every file, so it has to be someone else
  constexpr uid_t third = 54321;
  ASSERT_EQ(::seteuid(user == 0 ? third : user), 0);
  const auto refusal = rondo::inspect_library(path);
  ASSERT_EQ(::seteuid(user), 0);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->code, RONDO_LOAD_FAILED);
  EXPECT_THAT(refusal->reason, HasSubstr("cannot be opened"));
  EXPECT_THAT(refusal->system_error, HasSubstr("Permission denied"));
}

TEST_F(library_file, a_file_or_directory_that_anyone_may_write_is_unsafe) {  // LOAD-01
  const auto path = dir_.put_fixture("minimal");
  EXPECT_FALSE(rondo::check_permissions(path, ::geteuid()));
  fs::permissions(path, fs::perms(0757));
  expect_unsafe(path, ::geteuid(), "may be written by anyone (mode 0757)");
  fs::permissions(path, fs::perms(0755));
  fs::permissions(dir_.path(), fs::perms(0777));
  expect_unsafe(path, ::geteuid(), "its directory");
  fs::permissions(dir_.path(), fs::perms(01777));
  EXPECT_FALSE(rondo::check_permissions(path, ::geteuid())) << "sticky: others cannot replace it";
}

TEST_F(library_file, a_link_is_as_unsafe_as_what_it_leads_to) {  // LOAD-01
  const scratch_directory elsewhere;
  const auto target = elsewhere.put_fixture("minimal");
  fs::create_symlink(target, dir_.path() / "link.so");
  EXPECT_FALSE(rondo::check_permissions(dir_.path() / "link.so", ::geteuid()));
  fs::permissions(elsewhere.path(), fs::perms(0777));
  expect_unsafe(dir_.path() / "link.so", ::geteuid(), elsewhere.path().native());
}

TEST_F(library_file, a_file_of_a_third_user_is_unsafe) {  // LOAD-01
  const auto path = dir_.put_fixture("minimal");
  constexpr uid_t third = 54321;
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(path.c_str(), third, static_cast<gid_t>(-1)), 0);
    expect_unsafe(path, 0, "belongs to user 54321");
    ASSERT_EQ(::chown(dir_.path().c_str(), third, static_cast<gid_t>(-1)), 0);
    EXPECT_FALSE(rondo::check_permissions(path, third)) << "it is the user's own";
    ASSERT_EQ(::chown(path.c_str(), 0, static_cast<gid_t>(-1)), 0);
    ASSERT_EQ(::chown(dir_.path().c_str(), 0, static_cast<gid_t>(-1)), 0);
    EXPECT_FALSE(rondo::check_permissions(path, third)) << "root's files are fine for everyone";
  } else {
    expect_unsafe(path, third, "who is neither root nor user 54321");
  }
}

}  // namespace
