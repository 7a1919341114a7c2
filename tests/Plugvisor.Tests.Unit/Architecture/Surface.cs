using System.Reflection;
using System.Runtime.CompilerServices;

namespace Plugvisor.Tests.Unit.Architecture;

/// <summary>What an assembly shows to others, a line for each type and member, in an order that does not change.</summary>
internal static class Surface
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static List<string> Of(Assembly assembly)
    {
        var lines = new List<string>();
        foreach (Type type in assembly.GetExportedTypes())
        {
            string name = Name(type);
            lines.Add($"{name} : {KindOf(type)}");
            foreach (string one in Bases(type)) lines.Add($"{name} is {one}");
            foreach (MemberInfo member in type.GetMembers(Declared))
            {
                if (member.IsDefined(typeof(CompilerGeneratedAttribute)) || Describe(member) is not { } text) continue;
                lines.Add($"{name}.{text}");
            }
        }

        lines.Sort(StringComparer.Ordinal);
        return lines;
    }

    private static string? Describe(MemberInfo member) => member switch
    {
        FieldInfo field when IsSeen(field.Attributes & FieldAttributes.FieldAccessMask) && !field.IsSpecialName =>
            field.IsLiteral ? $"{field.Name} = {field.GetRawConstantValue()} : {Name(field.FieldType)}" : $"{field.Name} : {Name(field.FieldType)}",
        ConstructorInfo made when IsSeen(made) && !made.IsStatic => $"new({Parameters(made)})",
        MethodInfo method when IsSeen(method) && !method.IsSpecialName => $"{method.Name}{Arguments(method)}({Parameters(method)}) : {Name(method.ReturnType)}",
        PropertyInfo property when Accessors(property) is { Length: > 0 } accessors => $"{property.Name} {accessors}: {Name(property.PropertyType)}",
        EventInfo happening when happening.AddMethod is { } add && IsSeen(add) => $"event {happening.Name} : {Name(happening.EventHandlerType!)}",
        _ => null,
    };

    private static string Accessors(PropertyInfo property)
    {
        string text = property.GetMethod is { } get && IsSeen(get) ? "get " : "";
        if (property.SetMethod is not { } set || !IsSeen(set)) return text;
        bool init = set.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit));
        bool required = property.IsDefined(typeof(RequiredMemberAttribute));
        return text + (required ? "required " : "") + (init ? "init " : "set ");
    }

    private static bool IsSeen(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsSeen(FieldAttributes access) => access is FieldAttributes.Public or FieldAttributes.Family or FieldAttributes.FamORAssem;

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
        $"{(parameter.IsOut ? "out " : parameter.IsIn ? "in " : parameter.ParameterType.IsByRef ? "ref " : "")}{Name(parameter.ParameterType)} {parameter.Name}"
        + (parameter.HasDefaultValue ? $" = {parameter.DefaultValue ?? "null"}" : "")));

    private static string Arguments(MethodInfo method) =>
        method.IsGenericMethodDefinition ? $"<{string.Join(", ", method.GetGenericArguments().Select(argument => argument.Name))}>" : "";

    private static string KindOf(Type type) =>
        type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct"
        : type.IsAbstract && type.IsSealed ? "static class" : type.IsAbstract ? "abstract class" : type.IsSealed ? "sealed class" : "class";

    private static IEnumerable<string> Bases(Type type)
    {
        if (type.IsEnum) return [Name(Enum.GetUnderlyingType(type))];
        IEnumerable<string> all = type.GetInterfaces().Where(one => one.IsPublic || one.IsNestedPublic).Select(Name);
        return type.BaseType is { } based && based != typeof(object) && based != typeof(ValueType) ? all.Prepend(Name(based)) : all;
    }

    private static string Name(Type type)
    {
        if (type.IsByRef) return Name(type.GetElementType()!);
        if (type.IsPointer) return Name(type.GetElementType()!) + "*";
        if (type.IsArray) return Name(type.GetElementType()!) + "[]";
        if (type.IsGenericParameter) return type.Name;
        string name = type.IsNested ? $"{Name(type.DeclaringType!)}.{type.Name}" : $"{type.Namespace}.{type.Name}";
        int tick = name.IndexOf('`', StringComparison.Ordinal);
        return tick < 0 ? name : $"{name[..tick]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
    }
}
