using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text;
using Plugvisor.Plugins.Catalog;
using Xunit;

namespace Plugvisor.Tests.Unit.Plugins.Catalog;

public sealed class ManifestReaderTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void It_finds_in_every_assembly_at_hand_what_the_librarys_reader_finds()
    {
        var found = 0;
        string[] files = [.. Directory.GetFiles(AppContext.BaseDirectory, "*.dll"), .. Directory.GetFiles(TestPlugins.Built, "*.dll", SearchOption.AllDirectories),
            .. Directory.GetFiles(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "*.dll")];
        foreach (var file in files)
        {
            var expected = ReadByLibrary(file);
            Assert.Equal(expected, ManifestReader.Read(file));
            if (expected is not null) found++;
        }

        Assert.True(files.Length > 150, $"only {files.Length} assemblies at hand");
        Assert.True(found >= 3, $"only {found} with a manifest");
    }

    [Theory]
    [InlineData(10)]
    [InlineData(0x7f)]
    [InlineData(0x80)]
    [InlineData(0x3fff)]
    [InlineData(0x4000)]
    [InlineData(100_000)]
    public void Every_form_of_a_length_is_read(int length)
    {
        var text = new string('x', length);
        File.WriteAllBytes(_file, TestPlugins.Compile(text));
        Assert.Equal(text, Encoding.UTF8.GetString(ManifestReader.Read(_file)!));
    }

    [Theory]
    [InlineData(0, 0, 0, 0)]
    [InlineData(70_000, 0, 0, 0)]
    [InlineData(0, 70_000, 0, 0)]
    [InlineData(0, 0, 70_000, 0)]
    [InlineData(0, 0, 0, 20_000)]
    [InlineData(70_000, 70_000, 70_000, 70_000)]
    public void Indexes_of_any_width_are_read(int fields, int parameters, int stringBytes, int references)
    {
        File.WriteAllBytes(_file, SyntheticAssembly.Write("wide", fields, parameters, stringBytes, references));
        Assert.Equal("wide"u8.ToArray(), ManifestReader.Read(_file));
        Assert.Equal("wide"u8.ToArray(), ReadByLibrary(_file));
    }

    [Fact]
    public void An_attribute_of_the_same_name_from_elsewhere_does_not_count()
    {
        File.WriteAllBytes(_file, TestPlugins.Compile(null, """
            [assembly: Other.PluginManifest("no")]
            namespace Other { public class PluginManifestAttribute(string json) : System.Attribute { public string Json => json; } }
            """));
        Assert.Null(ManifestReader.Read(_file));
    }

    [Fact]
    public void A_truncated_file_never_does_more_than_be_damaged()
    {
        var image = File.ReadAllBytes(TestPlugins.BuiltAssembly("alpha"));
        for (var length = 0; length < image.Length; length += length < 1024 ? 5 : 97) Survives(image.AsSpan(0, length));
    }

    [Fact]
    public void A_mutated_file_never_does_more_than_be_damaged()
    {
        var original = File.ReadAllBytes(TestPlugins.BuiltAssembly("alpha"));
        var random = new Random(20261121);
        for (var round = 0; round < 600; round++)
        {
            var image = (byte[])original.Clone();
            for (var change = random.Next(1, 8); change > 0; change--)
            {
                // Headers and table streams are where a change matters.
                var where = random.Next(4) == 0 ? random.Next(image.Length) : random.Next(Math.Min(1024, image.Length));
                image[where] = random.Next(3) switch { 0 => 0xff, 1 => 0, _ => (byte)random.Next(256) };
            }

            Survives(image);
        }
    }

    [Fact]
    public void A_mutated_table_stream_never_does_more_than_be_damaged()
    {
        var original = File.ReadAllBytes(TestPlugins.BuiltAssembly("alpha"));
        var start = original.AsSpan().IndexOf("#~"u8);
        Assert.True(start > 0);
        var random = new Random(7);
        for (var round = 0; round < 600; round++)
        {
            var image = (byte[])original.Clone();
            for (var change = 0; change < 4; change++) image[start - 64 + random.Next(400)] = (byte)random.Next(256);
            Survives(image);
        }
    }

    private void Survives(ReadOnlySpan<byte> image)
    {
        File.WriteAllBytes(_file, image);
        try
        {
            ManifestReader.Read(_file);
        }
        catch (BadImageFormatException)
        {
        }
    }

    private static byte[]? ReadByLibrary(string path)
    {
        using var reader = new PEReader(File.OpenRead(path));
        if (!reader.HasMetadata) return null;
        var metadata = reader.GetMetadataReader();
        if (!metadata.IsAssembly) return null;
        foreach (var handle in metadata.GetAssemblyDefinition().GetCustomAttributes())
        {
            var attribute = metadata.GetCustomAttribute(handle);
            if (attribute.Constructor.Kind != HandleKind.MemberReference) continue;
            var parent = metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent;
            if (parent.Kind != HandleKind.TypeReference) continue;
            if (!metadata.StringComparer.Equals(metadata.GetTypeReference((TypeReferenceHandle)parent).Name, "PluginManifestAttribute")) continue;
            var value = metadata.GetBlobReader(attribute.Value);
            value.ReadUInt16();
            return Encoding.UTF8.GetBytes(value.ReadSerializedString()!);
        }

        return null;
    }
}
