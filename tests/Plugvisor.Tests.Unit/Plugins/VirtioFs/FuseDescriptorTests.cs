using System.Diagnostics;
using Plugvisor.Linux.Trees;
using Plugvisor.Plugins.VirtioFs.Fuse;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.VirtioFs;

/// <summary>Guests that know more files than there are descriptors for, and what finding them again costs.</summary>
public sealed class FuseDescriptorTests
{
    private const ulong Root = FuseDriver.Root;

    [Theory]
    [InlineData(250, 0)]
    [InlineData(400, FuseSpec.ESTALE)]
    public void Hostile_35_fs_a_file_below_hundreds_of_directories_without_descriptors_is_found_again_or_stale(int depth, int error)
    {
        using var guest = new FuseDriver(budget: new DescriptorBudget(24));
        string path = string.Join('/', Enumerable.Repeat("d", depth));
        Directory.CreateDirectory(guest.PathOf(path));
        File.WriteAllText(guest.PathOf($"{path}/file"), "deep");
        ulong node = guest.Node($"{path}/file");
        for (int i = 0; i < 50; i++)
        {
            File.WriteAllText(guest.PathOf($"f{i}"), "");
            guest.Node($"f{i}");   // takes the descriptors of all the others
        }

        FuseAnswer answer = guest.Call(FuseOpcode.GetAttr, node, FuseDriver.Bytes(default(GetAttrIn)));
        Assert.Equal(error, answer.Error);
        if (error == 0) Assert.Equal(4ul, answer.As<AttrOut>().Attributes.Size);
        Assert.Equal(0, guest.Lookup(Root, "d").Error);
        Assert.Empty(guest.Host.Failures);
    }

    [Fact]
    public unsafe void Hostile_35_fs_files_without_a_name_do_not_make_the_others_dear()
    {
        const int Files = 3000, Nameless = 95, Uses = 300;
        string shared = Directory.CreateTempSubdirectory("plugvisor-fs").FullName;
        byte[] path = FuseDriver.Text(shared);
        using InodeTable table = Open(path, Files + Nameless + 1, new DescriptorBudget(100));   // fewer than a batch are left for the others
        var nodes = new ulong[Files];
        for (int i = 0; i < Files; i++) nodes[i] = Make($"f{i}");
        TimeSpan before = Best();
        for (int i = 0; i < Nameless; i++)
        {
            Make($"n{i}");
            File.Delete(Path.Combine(shared, $"n{i}"));
        }

        // Each took a look at each known file for each few descriptors.
        Assert.InRange(Best(), TimeSpan.Zero, 10 * before + TimeSpan.FromMilliseconds(30));
        table.Dispose();
        Directory.Delete(shared, recursive: true);

        ulong Make(string name)
        {
            File.WriteAllText(Path.Combine(shared, name), "");
            byte[] text = FuseDriver.Text(name);
            fixed (byte* first = text)
            {
                Assert.Equal(0, table.Lookup(table.Root, first, name.Length, out _, out ulong node));
                return node;
            }
        }

        TimeSpan Best()
        {
            TimeSpan best = TimeSpan.MaxValue;
            for (int i = 0; i < 5; i++)
            {
                long start = Stopwatch.GetTimestamp();
                for (int use = 0; use < Uses; use++)
                {
                    Assert.Equal(0, table.Pin(nodes[i * Uses + use], out Inode inode));
                    table.Unpin(inode);
                }

                TimeSpan took = Stopwatch.GetElapsedTime(start);
                if (took < best) best = took;
            }

            return best;
        }
    }

    private static unsafe InodeTable Open(byte[] path, int most, DescriptorBudget budget)
    {
        fixed (byte* first = path)
        {
            int root = TreeCalls.OpenAt(TreeCalls.NoDirectory, first, FuseSpec.O_PATH | FuseSpec.O_CLOEXEC, 0);
            TreeStatus status;
            byte empty = 0;
            Assert.Equal(0, TreeCalls.Status(root, &empty, TreeCalls.EmptyPath, &status));
            return new InodeTable(root, status, most, budget);
        }
    }
}
