using Xunit;

namespace Plugvisor.Tests.Linux.Guests;

/// <summary>Debian's virtiofs on a directory that no daemon serves.</summary>
public sealed class SharedDirectoryGuestTests(SharedDirectoryGuest guest) : IClassFixture<SharedDirectoryGuest>
{
    private string Everything => guest.Boot.Everything + string.Concat(
        new[] { "added", "removed", "sums", "sums.status", "modes", "secret", "frozen", "source.sum", "untarred.sum",
            "answer", "replaced", "attribute.refused", "attribute.value", "attribute.names" }.Select(name => $"\n--- {name}\n{guest.Found(name)}"));

    [Fact]
    public void The_guest_mounts_it_and_sees_what_is_there()
    {
        Holds("type", "virtiofs");
        Holds("seen", "from the host");
        Holds("hostsums", "same");
        Holds("nothing", "1");
    }

    [Fact]
    public void What_the_guest_writes_is_the_same_on_the_host()
    {
        Assert.True(guest.Found("sums.status") == "0" && guest.Found("sums").Contains("deep/er/renamed: OK", StringComparison.Ordinal), Everything);
        Holds("appended", "added");
        Holds("sparse", "1234567");
        Holds("sync", "0");
    }

    [Fact]
    public void A_tree_is_unpacked_copied_and_removed()
    {
        Holds("untar", "0");
        Holds("copied", "0");
        Holds("removed", "1");
        Assert.True(guest.Found("source.sum") is { Length: > 60 } sum && sum == guest.Found("untarred.sum"), Everything);
    }

    [Fact]
    public void Owner_mode_and_time_arrive()
    {
        Holds("modes", "4751 1234 567 981173106");
        Assert.True(guest.Found("modes") == "4751 1234 567 981173106", Everything);
    }

    [Fact]
    public void A_symbolic_link_is_followed_by_the_guest_and_never_by_the_host()
    {
        Holds("within", "from the host");
        Holds("followed", "0");
        Holds("outside", "guests");
        Assert.True(guest.Found("secret") == "hosts", Everything);
    }

    [Fact]
    public void Special_files_are_as_documented()
    {
        Holds("fifo", "fifo");
        Holds("node", "refused");
        Holds("unlinked", "6 0");
    }

    [Fact]
    public void A_read_only_directory_is_read_and_never_changed()
    {
        Holds("frozen", "do not touch");
        Holds("tried", "1");
        Assert.True(guest.Boot["changed"] is null, Everything);
        Assert.True(guest.Found("frozen") == "file 644 13", Everything);
    }

    [Fact]
    public void Extended_attributes_of_users_are_shared_and_no_others()
    {
        // A file system without them says so on both sides.
        string refused = guest.Found("attribute.refused");
        bool possible = refused.Length == 0;
        Holds("attrhost", possible ? "from the host" : refused);
        Holds("attrset", possible ? "1" : refused);
        Holds("attrlist", possible ? "user.guest user.host" : "");
        Holds("attrother", "EOPNOTSUPP ENODATA EOPNOTSUPP EOPNOTSUPP ENODATA EOPNOTSUPP");
        Holds("attrremoved", possible ? "ENODATA" : $"{refused} {refused}");
        Holds("attrfrozen", "EROFS");
        Assert.True(guest.Found("attribute.value") == (possible ? "from the guest" : refused), Everything);
        Assert.True(guest.Found("attribute.names").Split('\n').Contains("user.guest") == possible && !guest.Found("attribute.names").Contains("other", StringComparison.Ordinal), Everything);
    }

    [Fact]
    public void A_directory_comes_and_goes_while_the_guest_runs()
    {
        Assert.True(guest.Found("added").EndsWith("200", StringComparison.Ordinal) && guest.Found("added").Contains("\"id\":\"hot0\"", StringComparison.Ordinal), Everything);
        Holds("hotfile", "plugged");
        Assert.True(guest.Found("answer") == "answer", Everything);
        Assert.True(guest.Found("removed").Trim() == "204", Everything);
        Holds("left", "3");
        Holds("alive", "1");
    }

    [Fact]
    public void Other_code_goes_on_with_what_the_guest_has_open()
    {
        Assert.True(guest.Found("replaced").EndsWith(" 200", StringComparison.Ordinal), guest.Found("replaced") + Everything);
        Holds("hotfile", "plugged");
        Holds("open", "from the host added");
        Holds("still", "before after");
        Holds("walked", "all");
        Holds("stillfrozen", "do not touch");
    }

    private void Holds(string name, string value) => Assert.True(guest.Boot[name] == value, $"{name} is {guest.Boot[name]}, not {value}{Everything}");
}
