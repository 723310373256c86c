// SPDX-License-Identifier: MIT
#include "kms/pipe.hpp"

#include <memory>

#include <xf86drm.h>
#include <xf86drmMode.h>

namespace relfence::kms {
namespace {

/// unique_ptr with libdrm's matching free function.
template <typename T, void (*Free)(T*)>
struct Deleter {
    void operator()(T* pointer) const { Free(pointer); }
};
template <typename T, void (*Free)(T*)>
using Owned = std::unique_ptr<T, Deleter<T, Free>>;

using Resources = Owned<drmModeRes, drmModeFreeResources>;
using Planes = Owned<drmModePlaneRes, drmModeFreePlaneResources>;
using Plane = Owned<drmModePlane, drmModeFreePlane>;
using Connector = Owned<drmModeConnector, drmModeFreeConnector>;
using Properties = Owned<drmModeObjectProperties, drmModeFreeObjectProperties>;
using Property = Owned<drmModePropertyRes, drmModeFreeProperty>;

/// The object with its property ids. @param type_value gets the value of "type", when there is one
Result<Object> describe(int fd, const std::string& path, std::uint32_t id, std::uint32_t type,
                        std::uint64_t* type_value = nullptr) {
    Object object{id, {}};
    const Properties list{drmModeObjectGetProperties(fd, id, type)};
    if (!list) return fail_errno("read properties", path);
    for (std::uint32_t i = 0; i < list->count_props; ++i) {
        const Property property{drmModeGetProperty(fd, list->props[i])};
        if (!property) return fail_errno("read property", path);
        object.properties[property->name] = property->prop_id;
        if (type_value != nullptr && std::string_view{property->name} == "type")
            *type_value = list->prop_values[i];
    }
    return object;
}

Result<Object> find_primary_plane(int fd, const std::string& path) {
    const Planes planes{drmModeGetPlaneResources(fd)};
    if (!planes) return fail_errno("read planes", path);
    for (std::uint32_t i = 0; i < planes->count_planes; ++i) {
        const Plane plane{drmModeGetPlane(fd, planes->planes[i])};
        constexpr std::uint32_t first_crtc = 1;
        if (!plane || (plane->possible_crtcs & first_crtc) == 0) continue;
        std::uint64_t type = DRM_PLANE_TYPE_OVERLAY;
        auto object = describe(fd, path, plane->plane_id, DRM_MODE_OBJECT_PLANE, &type);
        if (!object) return object;
        if (type == DRM_PLANE_TYPE_PRIMARY) return object;
    }
    return fail("has no primary plane for its first CRTC", path);
}

}  // namespace

Result<Pipe> find_pipe(int fd, const std::string& path) {
    const Resources resources{drmModeGetResources(fd)};
    if (!resources) return fail_errno("read mode resources", path);
    if (resources->count_crtcs < 1) return fail("has no CRTC", path);

    Pipe pipe;
    auto crtc = describe(fd, path, resources->crtcs[0], DRM_MODE_OBJECT_CRTC);
    if (!crtc) return tl::make_unexpected(crtc.error());
    pipe.crtc = std::move(*crtc);
    auto plane = find_primary_plane(fd, path);
    if (!plane) return tl::make_unexpected(plane.error());
    pipe.plane = std::move(*plane);

    for (int i = 0; i < resources->count_connectors; ++i) {
        const Connector connector{drmModeGetConnector(fd, resources->connectors[i])};
        if (!connector) return fail_errno("read connector", path);
        auto object = describe(fd, path, connector->connector_id, DRM_MODE_OBJECT_CONNECTOR);
        if (!object) return tl::make_unexpected(object.error());
        const bool is_writeback = connector->connector_type == DRM_MODE_CONNECTOR_WRITEBACK;
        Object& place = is_writeback ? pipe.writeback : pipe.connector;
        if (place.id == 0) place = std::move(*object);
    }
    if (pipe.connector.id == 0) return fail("has no connector", path);
    return pipe;
}

}  // namespace relfence::kms
