using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Threading;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Plugvisor.Generators;

/// <summary>Reads one declared property: its type, its default and its settings.</summary>
internal sealed class MemberReader(Compilation compilation, List<DiagnosticInfo> problems, CancellationToken cancellation)
{
    public Member? Read(IPropertySymbol property, Settings settings, Func<INamedTypeSymbol, ConfigShape?> readObject)
    {
        var member = new Member
        {
            Symbol = property,
            Property = property.Name,
            Name = settings.First,
            Required = property.IsRequired,
            CliDefault = settings.Text("CliDefault"),
            ValuesAreKeys = settings.Flag("ValuesAreKeys"),
            ByteSize = settings.Flag("ByteSize"),
            RangeError = settings.Text("RangeError"),
            PowerOfTwo = settings.Flag("PowerOfTwo"),
            PowerOfTwoMax = (int)settings.Number("PowerOfTwoMax", 32768),
            MultipleOf = settings.Number("MultipleOf", 0),
            MaxLength = (int)settings.Number("MaxLength", 0),
            Label = settings.Text("Label"),
            QueuesPerVcpu = (int)settings.Number("QueuesPerVcpu", 0),
            NoCli = settings.Flag("NoCli"),
            IsPath = settings.Flag("IsPath"),
            IsDescriptor = settings.Flag("IsDescriptor"),
            Unit = settings.Text("Unit"),
            Help = settings.Text("Help"),
            Hidden = settings.Flag("Hidden"),
        };

        if (!Names.IsWords(member.Name, '_'))
            Report(Diagnostics.Name, property, $"The JSON name '{member.Name}' must be words joined by '_', each of lower-case letters and digits that begin with a letter");
        if (property.IsStatic || property.IsIndexer || !IsAssignable(property))
        {
            Report(Diagnostics.MemberType, property, $"'{property.Name}' must be a property that can be set or initialized, not static");
            return null;
        }

        if (!ReadType(member, property.Type, readObject)) return null;
        if (!member.NoCli) member.Cli = settings.Text("Cli") ?? (member.Kind == MemberKind.Object ? "" : member.Name);
        if (settings.Text("Cli") is { } cli && !(Names.IsKey(cli) || (cli.Length == 0 && member.Kind == MemberKind.Object)))
            Report(Diagnostics.Name, property, $"The command-line key '{cli}' may have only a-z, 0-9, '_' and '-'");

        ReadDefault(member, property);
        CheckSettings(member, settings);
        return member;
    }

    private static bool IsAssignable(IPropertySymbol property)
    {
        if (property.SetMethod is not null) return true;

        // A get-only property can be assigned in the constructor when it is an auto property, which has a hidden field.
        foreach (var sibling in property.ContainingType.GetMembers())
        {
            if (sibling is IFieldSymbol field && SymbolEqualityComparer.Default.Equals(field.AssociatedSymbol, property)) return true;
        }

        return false;
    }

    private bool ReadType(Member member, ITypeSymbol type, Func<INamedTypeSymbol, ConfigShape?> readObject)
    {
        member.Nullable = type.NullableAnnotation == NullableAnnotation.Annotated;
        if (type is INamedTypeSymbol { ConstructedFrom.SpecialType: SpecialType.System_Nullable_T } nullable)
        {
            member.Nullable = true;
            type = nullable.TypeArguments[0];
        }

        var element = type switch
        {
            IArrayTypeSymbol { Rank: 1 } array => array.ElementType,
            INamedTypeSymbol { ConstructedFrom.SpecialType: SpecialType.System_Collections_Generic_IReadOnlyList_T } list => list.TypeArguments[0],
            _ => null,
        };
        if (element is not null) return ReadElement(member, element, readObject);

        member.Type = FullName(type);
        if (type.SpecialType == SpecialType.System_String) member.Kind = MemberKind.String;
        else if (type.SpecialType == SpecialType.System_Boolean) member.Kind = MemberKind.Toggle;
        else if (ReadInteger(member, type)) member.Kind = MemberKind.Integer;
        else if (type.TypeKind == TypeKind.Enum) ReadEnum(member, (INamedTypeSymbol)type);
        else if (type is INamedTypeSymbol { TypeKind: TypeKind.Class } named && readObject(named) is { } shape)
        {
            member.Kind = MemberKind.Object;
            member.Object = shape;
        }
        else return Unsupported(member, type);
        return true;
    }

    private bool ReadElement(Member member, ITypeSymbol element, Func<INamedTypeSymbol, ConfigShape?> readObject)
    {
        member.Type = FullName(element);
        if (element.SpecialType == SpecialType.System_String) member.Kind = MemberKind.Strings;
        else if (ReadInteger(member, element)) member.Kind = MemberKind.Integers;
        else if (element is INamedTypeSymbol { TypeKind: TypeKind.Class } named && readObject(named) is { } shape)
        {
            member.Kind = MemberKind.Tuples;
            member.Object = shape;
            // On the command line an element is written a@b; in JSON alone it may be any object.
            if (!member.NoCli && (shape.Members.Count != 2 ||
                shape.Members[0].Kind is not (MemberKind.String or MemberKind.Integer) ||
                shape.Members[1].Kind is not (MemberKind.String or MemberKind.Integer or MemberKind.Strings or MemberKind.Integers)))
            {
                Report(Diagnostics.MemberType, member.Symbol,
                    $"'{named.Name}' stands in a list, so it must have two members: a string or an integer, then one such or a list of them (or the list NoCli)");
                return false;
            }
        }
        else return Unsupported(member, element);
        return true;
    }

    private bool Unsupported(Member member, ITypeSymbol type)
    {
        Report(Diagnostics.MemberType, member.Symbol,
            $"'{member.Property}' has the type '{type.ToDisplayString()}', which can not be a config member: use string, bool, an integer, " +
            "an enum, a [ConfigObject] class, or IReadOnlyList of strings, integers or such classes");
        return false;
    }

    private static bool ReadInteger(Member member, ITypeSymbol type)
    {
        (string Width, long Min, ulong Max) integer = type.SpecialType switch
        {
            SpecialType.System_Byte => ("u8", 0, byte.MaxValue),
            SpecialType.System_UInt16 => ("u16", 0, ushort.MaxValue),
            SpecialType.System_UInt32 => ("u32", 0, uint.MaxValue),
            SpecialType.System_UInt64 => ("u64", 0, ulong.MaxValue),
            SpecialType.System_SByte => ("i8", sbyte.MinValue, (ulong)sbyte.MaxValue),
            SpecialType.System_Int16 => ("i16", short.MinValue, (ulong)short.MaxValue),
            SpecialType.System_Int32 => ("i32", int.MinValue, int.MaxValue),
            SpecialType.System_Int64 => ("i64", long.MinValue, long.MaxValue),
            _ => ("", 0, 0),
        };
        (member.Width, member.Min, member.Max) = integer;
        return member.Width.Length > 0;
    }

    private static void ReadEnum(Member member, INamedTypeSymbol type)
    {
        member.Kind = MemberKind.Enum;
        foreach (var symbol in type.GetMembers())
        {
            if (symbol is not IFieldSymbol { HasConstantValue: true } field) continue;
            var settings = Settings.Find(field, Names.ConfigValue);
            var name = settings?.First ?? field.Name;
            member.Values.Add(new MemberValue
            {
                Field = field.Name,
                Name = name,
                Cli = settings?.Flag("NoCli") == true ? null : settings?.Text("Cli") ?? name.ToLowerInvariant(),
                Into = settings?.Text("ValueInto"),
                Help = settings?.Text("Help"),
            });
        }
    }

    /// <summary>The default is the property's initializer, so that typed code and the declaration can not differ.</summary>
    private void ReadDefault(Member member, IPropertySymbol property)
    {
        ExpressionSyntax? initializer = null;
        foreach (var reference in property.DeclaringSyntaxReferences)
        {
            if (reference.GetSyntax(cancellation) is PropertyDeclarationSyntax { Initializer.Value: { } value }) initializer = value;
        }

        var isList = member.Kind is MemberKind.Integers or MemberKind.Strings or MemberKind.Tuples;
        if (initializer is null)
        {
            if (member.Required || member.Nullable) return;
            if (member.Kind is MemberKind.String or MemberKind.Object)
            {
                Report(Diagnostics.Default, property,
                    $"'{property.Name}' must be required, nullable or have an initializer, so that it is known what it is when it is not given");
                return;
            }

            if (isList) member.Default = "[]";
            else SetDefault(member, member.Kind == MemberKind.Toggle ? false : 0L);
            return;
        }

        if (member.Required)
        {
            Report(Diagnostics.Default, property, $"'{property.Name}' is required, so its initializer is never used");
            return;
        }

        if (isList && initializer is CollectionExpressionSyntax { Elements.Count: 0 })
        {
            member.Default = "[]";
            return;
        }

        var constant = compilation.GetSemanticModel(initializer.SyntaxTree).GetConstantValue(initializer, cancellation);
        if (!constant.HasValue || isList || member.Kind == MemberKind.Object)
            Report(Diagnostics.Default, property, $"The initializer of '{property.Name}' must be a constant (or [] for a list): it is part of the declaration");
        else if (constant.Value is not null)
            SetDefault(member, constant.Value);
    }

    private void SetDefault(Member member, object value)
    {
        switch (member.Kind)
        {
            case MemberKind.Toggle:
                member.Default = value is true ? "true" : "false";
                break;
            case MemberKind.String:
                var quoted = new StringBuilder();
                JsonText.Quote(quoted, (string)value);
                member.Default = quoted.ToString();
                break;
            case MemberKind.Integer:
                member.DefaultNumber = Convert.ToDecimal(value, CultureInfo.InvariantCulture);
                member.Default = member.DefaultNumber.Value.ToString(CultureInfo.InvariantCulture);
                break;
            default:
                var number = Convert.ToDecimal(value, CultureInfo.InvariantCulture);
                var type = (INamedTypeSymbol)Unwrap(((IPropertySymbol)member.Symbol).Type);
                foreach (var symbol in type.GetMembers())
                {
                    if (symbol is IFieldSymbol { HasConstantValue: true } field &&
                        Convert.ToDecimal(field.ConstantValue, CultureInfo.InvariantCulture) == number)
                    {
                        member.Default = '"' + member.Values.Find(candidate => candidate.Field == field.Name).Name + '"';
                        return;
                    }
                }

                Report(Diagnostics.Default, member.Symbol, $"'{member.Property}' starts as {number}, which is no value of '{type.Name}'");
                break;
        }
    }

    private void CheckSettings(Member member, Settings settings)
    {
        var integer = member.Kind is MemberKind.Integer or MemberKind.Integers;
        foreach (var name in (string[])["Min", "Max", "RangeError", "PowerOfTwo", "PowerOfTwoMax", "MultipleOf", "QueuesPerVcpu", "ByteSize"])
        {
            if (settings.Has(name) && !integer) Report(Diagnostics.Setting, member.Symbol, $"{name} is only for integers, which '{member.Property}' is not");
        }

        if (settings.Has("MaxLength") && member.Kind is not (MemberKind.String or MemberKind.Strings))
            Report(Diagnostics.Setting, member.Symbol, $"MaxLength is only for strings, which '{member.Property}' is not");
        if (member.ValuesAreKeys && member.Kind != MemberKind.Enum)
            Report(Diagnostics.Setting, member.Symbol, $"ValuesAreKeys is only for enums, which '{member.Property}' is not");
        if (!integer) return;

        (member.TypeMin, member.TypeMax) = (member.Min, member.Max);
        var min = settings.Number("Min", long.MinValue);
        var max = settings.Number("Max", long.MaxValue);
        if (min > member.Min) member.Min = min;
        if (max < 0) member.Max = 0;
        else if (max != long.MaxValue && (ulong)max < member.Max) member.Max = (ulong)max;
        if (member.Min > (decimal)member.Max || max < member.Min)
            Report(Diagnostics.Setting, member.Symbol, $"'{member.Property}' allows no value: Min is above Max");
        else if (member.DefaultNumber is { } value && !member.Nullable && (value < member.Min || value > member.Max))
            Report(Diagnostics.Default, member.Symbol, $"The default {value} of '{member.Property}' is not between {member.Min} and {member.Max}");
    }

    private static ITypeSymbol Unwrap(ITypeSymbol type) =>
        type is INamedTypeSymbol { ConstructedFrom.SpecialType: SpecialType.System_Nullable_T } nullable ? nullable.TypeArguments[0] : type;

    private static string FullName(ITypeSymbol type) =>
        type.WithNullableAnnotation(NullableAnnotation.None).ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);

    private void Report(DiagnosticDescriptor descriptor, ISymbol symbol, string message) =>
        problems.Add(DiagnosticInfo.At(descriptor, symbol, message));
}
