using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Plugvisor.Tests.Unit.Plugins.Catalog;

/// <summary>An assembly with a manifest attribute and tables of chosen sizes, which decide how wide the indexes in its rows are.</summary>
internal static class SyntheticAssembly
{
    public static byte[] Write(string manifest, int fields, int parameters, int stringBytes, int references)
    {
        var metadata = new MetadataBuilder();
        metadata.AddModule(0, metadata.GetOrAddString("Wide.dll"), metadata.GetOrAddGuid(Guid.Empty), default, default);
        var assembly = metadata.AddAssembly(metadata.GetOrAddString("Wide"), new Version(1, 0), default, default, 0, AssemblyHashAlgorithm.None);
        if (stringBytes > 0) metadata.GetOrAddString(new string('s', stringBytes));
        var contract = metadata.AddAssemblyReference(metadata.GetOrAddString("Plugvisor.Abstractions"), new Version(1, 0, 0, 0), default, default, 0, default);
        for (var i = 0; i < references; i++) metadata.AddTypeReference(contract, default, metadata.GetOrAddString("T" + i));
        var type = metadata.AddTypeReference(
            contract, metadata.GetOrAddString("Plugvisor.Abstractions.Configuration"), metadata.GetOrAddString("PluginManifestAttribute"));
        metadata.AddTypeDefinition(0, default, metadata.GetOrAddString("<Module>"), default, MetadataTokens.FieldDefinitionHandle(1), MetadataTokens.MethodDefinitionHandle(1));

        var signature = new BlobBuilder();
        new BlobEncoder(signature).Field().Type().Int32();
        var field = metadata.GetOrAddBlob(signature);
        for (var i = 0; i < fields; i++) metadata.AddFieldDefinition(FieldAttributes.Public, metadata.GetOrAddString("F"), field);
        for (var i = 0; i < parameters; i++) metadata.AddParameter(ParameterAttributes.None, metadata.GetOrAddString("P"), i % 1000);

        var constructor = new BlobBuilder();
        new BlobEncoder(constructor).MethodSignature(isInstanceMethod: true).Parameters(1, static result => result.Void(), static list => list.AddParameter().Type().String());
        var value = new BlobBuilder();
        value.WriteUInt16(1);
        value.WriteSerializedString(manifest);
        value.WriteUInt16(0);
        metadata.AddCustomAttribute(
            assembly, metadata.AddMemberReference(type, metadata.GetOrAddString(".ctor"), metadata.GetOrAddBlob(constructor)), metadata.GetOrAddBlob(value));

        var image = new BlobBuilder();
        new ManagedPEBuilder(PEHeaderBuilder.CreateLibraryHeader(), new MetadataRootBuilder(metadata), new BlobBuilder()).Serialize(image);
        return image.ToArray();
    }
}
